"""The layer as others see it."""

import subprocess
import sys

import cartopath.cohort


def test_exported_names_are_sorted_and_there():
    names = cartopath.cohort.__all__
    classes, constants = [n for n in names if n[0].isupper() and not n.isupper()], [n for n in names if n.isupper()]
    functions = [n for n in names if n[0].islower()]
    assert names == [*sorted(constants), *sorted(classes), *sorted(functions)]
    assert all(hasattr(cartopath.cohort, name) for name in names)


def test_importing_the_cohort_imports_no_network_slide_reader_or_plotting():
    heavy = ("torch", "openslide", "timm", "lightning", "matplotlib", "lifelines", "sklearn", "scipy", "dask")
    code = "import sys, cartopath.cohort; sys.stdout.write(' '.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not set(heavy) & set(loaded)
