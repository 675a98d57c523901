"""Open backends that end with the test; the folder on the path, so that tests can import what they share."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from cartopath.slides.backends.openslide_backend import OpenSlideBackend
from cartopath.slides.backends.tiff_backend import TiffBackend


@pytest.fixture
def direct() -> Iterator[Callable[[Path], TiffBackend]]:
    """`direct(path)` opens a file with the decoder of TIFF."""
    with contextlib.ExitStack() as stack:
        yield lambda path: stack.enter_context(contextlib.closing(TiffBackend(path)))


@pytest.fixture
def theirs() -> Iterator[Callable[[Path], OpenSlideBackend]]:
    """`theirs(path)` opens a file with OpenSlide."""
    with contextlib.ExitStack() as stack:
        yield lambda path: stack.enter_context(contextlib.closing(OpenSlideBackend(path)))
