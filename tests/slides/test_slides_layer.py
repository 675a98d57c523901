"""The layer as others see it."""

from __future__ import annotations

import subprocess
import sys

import cartopath.slides as slides


def test_public_names_are_sorted_and_exist():
    assert slides.__all__ == sorted(slides.__all__)
    assert all(hasattr(slides, name) for name in slides.__all__)


def test_importing_the_layer_loads_no_decoder_and_no_network():
    code = (
        "import sys, cartopath.slides; print([m for m in ('openslide', 'tifffile', 'torch', 'matplotlib') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
