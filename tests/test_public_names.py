"""What `import cartopath` offers."""

import subprocess
import sys

import pytest

import cartopath


def test_public_names_are_sorted():
    assert cartopath.__all__ == sorted(cartopath.__all__)


@pytest.mark.parametrize("name", cartopath.__all__)
def test_public_name_is_there(name):
    assert getattr(cartopath, name).__name__ == name


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="open_slides"):
        _ = cartopath.open_slides


def test_importing_the_package_imports_nothing_heavy():
    heavy = "{'torch', 'pandas', 'numpy', 'openslide', 'matplotlib'}"
    code = f"import sys, cartopath; print({heavy} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "set()\n"
