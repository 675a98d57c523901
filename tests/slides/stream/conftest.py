"""Slides whose frames are counted: a decoder that keeps a picture in memory and says what was asked of it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from cartopath.core.errors import TileError
from cartopath.slides.backends.protocol import FrameError, FrameLayout
from cartopath.slides.resolution import Resolution
from cartopath.slides.slide import Slide


def shrunk(picture, shrink):
    """Area averages; borders are repeated to whole blocks."""
    height, width = picture.shape[:2]
    padded = np.pad(picture, ((0, -height % shrink), (0, -width % shrink), (0, 0)), mode="edge")
    blocks = padded.reshape(padded.shape[0] // shrink, shrink, padded.shape[1] // shrink, shrink, 3)
    return blocks.mean(axis=(1, 3)).round().astype(np.uint8)


class CountingBackend:
    """One level in frames; bytes are the name of a frame."""

    name = "counting"
    reason = "made for a test"
    path = Path("counted.tif")
    level_downsamples = (1.0,)

    def __init__(self, picture, frame=(64, 64), *, shrinks=(1, 2, 4), damaged=(), missing=(), seconds=0.0):
        height, width = picture.shape[:2]
        self.picture, self.level_dimensions = picture, ((width, height),)
        self.properties = {}
        self.damaged, self.missing, self.seconds = set(damaged), set(missing), seconds
        self.decoded, self.fetches, self.announced = Counter(), [], []
        self._layout = FrameLayout(width, height, *frame, shrinks)
        self._lock = threading.Lock()

    @property
    def frames(self):
        return self

    def layout(self, level):
        return self._layout

    def fetch(self, level, cells):
        self.fetches.append(list(cells))
        return [None if cell in self.missing else (b"%d %d" % cell,) for cell in cells]

    is_local = True

    def read_ahead(self, level, cells):
        self.announced.append(list(cells))

    def decode(self, level, cell, data, *, shrink=1, out=None, n_rows=None):
        if out is not None:
            out[...] = 7  # whoever gives memory away finds something else there
        assert data == (b"%d %d" % cell,)
        time.sleep(self.seconds)
        with self._lock:
            self.decoded[cell] += 1
        if cell in self.damaged:
            raise FrameError("planted damage")
        width, height = self._layout.frame_width, self._layout.frame_height
        left, top = cell[0] * width, cell[1] * height
        pixels = shrunk(self.picture[top : top + height, left : left + width], shrink)
        if out is None or out.shape != pixels.shape:
            return pixels
        out[:n_rows] = pixels[:n_rows]  # and nothing that was not asked for
        return out

    def read_region(self, x_px0, y_px0, level, width, height, *, shrink=1):
        region = np.full((height, width, 3), 255, np.uint8)
        whole = shrunk(self.picture, shrink)
        x, y = round(x_px0 / shrink), round(y_px0 / shrink)
        rows = slice(max(0, -y), max(0, min(height, whole.shape[0] - y)))
        cols = slice(max(0, -x), max(0, min(width, whole.shape[1] - x)))
        region[rows, cols] = whole[y + rows.start : y + rows.stop, x + cols.start : x + cols.stop]
        return region

    def close(self):
        pass


class RegionsOnly(CountingBackend):
    """The same without frames, as OpenSlide is."""

    @property
    def frames(self):
        return None

    def read_region(self, x_px0, y_px0, level, width, height, *, shrink=1):
        for cell in self.damaged:
            left, top = cell[0] * self._layout.frame_width, cell[1] * self._layout.frame_height
            right, bottom = left + self._layout.frame_width, top + self._layout.frame_height
            if left < x_px0 + width and x_px0 < right and top < y_px0 + height and y_px0 < bottom:
                raise TileError("planted damage")
        return super().read_region(x_px0, y_px0, level, width, height)


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 255, (700, 900, 3), np.uint8)


@pytest.fixture
def counted():
    """`slide, backend = counted(picture, ...)`: the decoder counts what it decodes."""

    def make(picture, *, scaling="fast", has_frames=True, **options):
        backend = (CountingBackend if has_frames else RegionsOnly)(picture, **options)
        return Slide(backend, Resolution(0.25, "made for a test"), scaling), backend

    return make
