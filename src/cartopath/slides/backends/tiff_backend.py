"""TIFF slides whose frames lie side by side, decoded directly: by libjpeg for JPEG, by imagecodecs for other compressions."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import SlideError, TileError
from cartopath.slides.backends.frame_file import FrameFile
from cartopath.slides.backends.pixel_cache import PixelCache, new_owner
from cartopath.slides.backends.protocol import Cell, FrameError, FrameLayout
from cartopath.slides.backends.tiff_frames import READABLE, TiffFrames
from cartopath.slides.backends.tiff_level import TiffLevel
from cartopath.slides.backends.tiff_structure import TiffStructure, read_structure
from cartopath.slides.declared.sizes import check_declared_sizes

CACHE_BYTES = 128 << 20
"""Of decoded frames, for all TIFF slides of a process together: a row of strips of a wide image fits."""


@functools.lru_cache(maxsize=1)
def _shared_cache(process_id: int) -> PixelCache[NDArray[np.uint8]]:
    return PixelCache(CACHE_BYTES)


class TiffBackend:
    """An open TIFF slide; see `cartopath.slides.backends.protocol.Backend`."""

    name = "direct"
    reason = ""

    def __init__(self, path: Path, structure: TiffStructure | None = None, *, n_bytes: int | None = None) -> None:
        """Open the file at `path`.

        Args:
            path: The file, or what `as_path` made of a URL.
            structure: What `read_structure` found, if it has been read before; the declared sizes have then been checked, too.
            n_bytes: Size of the file, where it is known already.

        Raises:
            SlideError: It is no TIFF, damaged, holds no brightfield picture, or uses a compression that cannot be decoded.
        """
        if structure is None:
            check_declared_sizes(path)
            structure = read_structure(path)
        self.path = path
        unknown = sorted({level.compression for level in structure.levels} - READABLE)
        if unknown:
            raise SlideError(f"{path}: compression {unknown[0]} of TIFF tag 259 cannot be decoded")
        self.level_dimensions: tuple[tuple[int, int], ...] = tuple((level.width, level.height) for level in structure.levels)
        self.level_downsamples: tuple[float, ...] = tuple(_downsample(level, structure.levels[0]) for level in structure.levels)
        self.properties: Mapping[str, str] = structure.properties
        self._cache = _shared_cache(os.getpid())
        self._owner = new_owner()
        self._file = FrameFile(path, n_bytes)
        self.frames = TiffFrames(self._file, structure.levels)

    def read_region(self, x_px0: int, y_px0: int, level: int, width: int, height: int, *, shrink: int = 1) -> NDArray[np.uint8]:
        """Return `height` x `width` pixels of `level` from a level-0 corner, uint8 (h, w, 3) RGB; white where there is no slide.

        Args:
            x_px0: Level-0 column of the upper left corner.
            y_px0: Level-0 row.
            level: The level.
            width: Columns, in pixels of the level after it is shrunk.
            height: Rows, likewise.
            shrink: Decode the level so many times smaller; one of the `shrinks` of its frames.

        Raises:
            TileError: A frame of the region cannot be decoded.
            SlideError: The slide is closed.
        """
        if self._file.is_closed:
            raise SlideError(f"{self.path}: read after it was closed; open it again")
        layout, downsample = self.frames.layout(level), self.level_downsamples[level] * shrink
        frame_width, frame_height = layout.frame_width // shrink, layout.frame_height // shrink
        left, top = (int(np.floor(corner / downsample + 0.5)) for corner in (x_px0, y_px0))
        region = np.full((height, width, 3), 255, np.uint8)
        try:
            for (col, row), pixels in self._pixels(level, _touched(layout, left, top, width, height, shrink), shrink):
                _paste(pixels, region, col * frame_width - left, row * frame_height - top)
        except FrameError as error:
            what = f"{width} x {height} px of level {level} at level-0 ({x_px0}, {y_px0})"
            raise TileError(f"{self.path}: cannot decode {what}: {error}") from error
        return region

    def _pixels(self, level: int, cells: list[Cell], shrink: int) -> Iterator[tuple[Cell, NDArray[np.uint8]]]:
        """Yield the frames that the file holds, those first that were decoded before."""
        unknown = []
        for cell in cells:
            pixels = self._cache.get(self._owner, (level, shrink, cell))
            if pixels is None:
                unknown.append(cell)
            else:
                yield cell, pixels
        for cell, data in zip(unknown, self.frames.fetch(level, unknown), strict=True):
            if isinstance(data, FrameError):
                raise data
            if data is not None:
                pixels = self.frames.decode(level, cell, data, shrink=shrink)
                self._cache.put(self._owner, (level, shrink, cell), pixels, pixels.nbytes)
                yield cell, pixels

    def close(self) -> None:
        """Let go of the file; closing twice does no harm."""
        self._file.close()
        self._cache.drop(self._owner)


def _downsample(level: TiffLevel, finest: TiffLevel) -> float:
    return (finest.width / level.width + finest.height / level.height) / 2


def _touched(layout: FrameLayout, left: int, top: int, width: int, height: int, shrink: int) -> list[Cell]:
    """Return which frames a region of a shrunken level touches, row by row."""
    cols = _stretch(left, width, layout.frame_width // shrink, -(-layout.width // shrink))
    rows = _stretch(top, height, layout.frame_height // shrink, -(-layout.height // shrink))
    return [(col, row) for row in rows for col in cols]


def _stretch(start: int, length: int, side: int, extent: int) -> range:
    """Return which frames of length `side`, on a level of length `extent`, a stretch touches."""
    first, last = max(0, start), min(start + length, extent)
    return range(first // side, -(-last // side)) if first < last else range(0)


def _paste(frame: NDArray[np.uint8], region: NDArray[np.uint8], left: int, top: int) -> None:
    """Copy the part of a frame that lies in the region; its upper left corner is at (left, top) of the region."""
    height, width = frame.shape[:2]
    rows = slice(max(0, top), min(region.shape[0], top + height))
    cols = slice(max(0, left), min(region.shape[1], left + width))
    region[rows, cols] = frame[rows.start - top : rows.stop - top, cols.start - left : cols.stop - left]
