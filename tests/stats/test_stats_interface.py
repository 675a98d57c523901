import subprocess
import sys

import pytest

import cartopath.stats

HEAVY = ("torch", "openslide", "matplotlib", "lightning", "timm", "lifelines", "pandas", "scipy")


def test_names_are_sorted_and_exist():
    assert (
        sorted(cartopath.stats.__all__, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
        == cartopath.stats.__all__
    )
    assert all(hasattr(cartopath.stats, name) for name in cartopath.stats.__all__)


@pytest.fixture(scope="module")
def imported():
    code = (
        "import numpy, sys, time; start = time.perf_counter(); import cartopath.stats;"
        f"print(time.perf_counter() - start, [name for name in {HEAVY!r} if name in sys.modules])"
    )
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_importing_loads_nothing_heavy(imported):
    assert imported.split(maxsplit=1)[1].strip() == "[]"


def test_importing_takes_less_than_a_third_of_a_second(imported):
    assert float(imported.split()[0]) < 0.3


def test_every_public_function_has_a_doctest():
    functions = [getattr(cartopath.stats, name) for name in cartopath.stats.__all__ if name.islower()]
    assert [function.__name__ for function in functions if ">>>" not in (function.__doc__ or "")] == []
