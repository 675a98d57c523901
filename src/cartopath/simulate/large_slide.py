"""Huge slides for benchmarks, written in seconds because a few drawn tiles are used over and over.

An 8 x 8 block of tissue tiles is drawn and compressed once. A rounded outline decides which tiles of the huge slide show tissue,
each the one of the block at its place; the others are glass. The coarser levels are put together from shrunken tiles, so they
show what the finest level shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from cartopath.core.errors import SlideError
from cartopath.core.geometry import RegionPx0, SizePx0
from cartopath.simulate.pyramid import FACTOR, TILE_PX, Pixels, encode_tile, level_sizes, shrink, write_level
from cartopath.simulate.render import render_region
from cartopath.simulate.specimen import Specimen, plan_specimen
from cartopath.store.atomic import atomic_path

_BLOCK = 8
_GLASS = -1
_PATTERNS_KEPT = 4096


def simulate_large_slide(
    path: Path | str, size_px0: SizePx0, *, mpp: float = 0.5, tissue_share: float = 0.5, seed: int = 0, quality: int = 80
) -> None:
    """Write a pyramidal BigTIFF of any size, up to 100,000 x 100,000 px and more, in about the time of writing its bytes.

    Args:
        path: The final name; replaced atomically.
        size_px0: Size of the finest level.
        mpp: Micrometres per pixel.
        tissue_share: About which share of the slide shows tissue, 0..1.
        seed: Of the tissue.
        quality: JPEG quality.

    Raises:
        SlideError: The size is empty or the share is none.
    """
    if min(size_px0.width, size_px0.height) < 1 or not 0.0 <= tissue_share <= 1.0:
        found = f"{size_px0.width} x {size_px0.height} px with a tissue share of {tissue_share}"
        raise SlideError(f"{path}: cannot write a slide of {found}: it needs a size of at least 1 x 1 and a share in 0..1")
    mosaic = _Mosaic(size_px0, mpp=mpp, tissue_share=tissue_share, seed=seed, quality=quality)
    with atomic_path(path) as temporary, tifffile.TiffWriter(temporary, bigtiff=True) as writer:
        for level, size in enumerate(level_sizes(size_px0)):
            scale = size_px0.width / size[0]
            description = "simulated H&E slide of repeated tiles, cartopath" if level == 0 else ""
            write_level(writer, mosaic.tiles(level, size), size, mpp=mpp * scale, description=description, reduced=level > 0)


class _Mosaic:
    """The tiles of every level of a huge slide."""

    def __init__(self, size: SizePx0, *, mpp: float, tissue_share: float, seed: int, quality: int) -> None:
        self._quality = quality
        self._layout = _layout(size, tissue_share)
        glass = np.full((TILE_PX, TILE_PX, 3), 243, np.uint8)
        pictures = [*_tissue_tiles(mpp, seed), glass]  # the last one, at index _GLASS, is glass
        self._pictures = [pictures]
        self._encode = lru_cache(maxsize=_PATTERNS_KEPT)(self._encode_pattern)

    def tiles(self, level: int, size: tuple[int, int]) -> Iterator[bytes]:
        """Yield the compressed tiles of a level, row by row."""
        side = FACTOR**level  # finest tiles along a tile of this level
        for row in range(-(-size[1] // TILE_PX)):
            for col in range(-(-size[0] // TILE_PX)):
                part = self._layout[row * side : (row + 1) * side, col * side : (col + 1) * side]
                yield self._encode(level, part.shape, part.tobytes())

    def _encode_pattern(self, level: int, shape: tuple[int, int], pattern: bytes) -> bytes:
        indices = np.frombuffer(pattern, np.int16).reshape(shape)
        return encode_tile(self._picture(level, indices), quality=self._quality)

    def _picture(self, level: int, indices: NDArray[np.int16]) -> Pixels:
        """Put a tile together from the finest tiles at these indices; beyond the edge of the slide it is glass."""
        while len(self._pictures) <= min(level, 4):
            self._pictures.append([shrink(picture) for picture in self._pictures[-1]])
        side = FACTOR**level
        step = TILE_PX // side
        if step == 0:  # more than 256 tiles along: one pixel of each as many as fit
            indices, step = indices[:: side // TILE_PX, :: side // TILE_PX], 1
        tile = np.full((TILE_PX, TILE_PX, 3), 243, np.uint8)
        for row, col in np.ndindex(*indices.shape):
            picture = self._pictures[min(level, 4)][indices[row, col]]
            tile[row * step : (row + 1) * step, col * step : (col + 1) * step] = picture
        return tile


def _layout(size: SizePx0, tissue_share: float) -> NDArray[np.int16]:
    """Which drawn tile lies at each place of the finest level, int16 (rows, cols); _GLASS where there is no tissue."""
    rows, cols = -(-size.height // TILE_PX), -(-size.width // TILE_PX)
    y, x = (np.arange(rows) + 0.5) / rows * 2 - 1, (np.arange(cols) + 0.5) / cols * 2 - 1
    radius = np.abs(x[None, :]) ** 3 + np.abs(y[:, None]) ** 3
    radius += 0.12 * np.sin(7 * x)[None, :] * np.cos(5 * y)[:, None]
    # Rounding up keeps the share exact also on slides of few tiles.
    n_tissue = round(tissue_share * rows * cols)
    inside = np.zeros(rows * cols, bool)
    inside[np.argsort(radius, axis=None, kind="stable")[:n_tissue]] = True
    index = (np.arange(rows) % _BLOCK * _BLOCK)[:, None] + (np.arange(cols) % _BLOCK)[None, :]
    return np.where(inside.reshape(rows, cols), index, _GLASS).astype(np.int16)


@lru_cache(maxsize=2)
def _tissue_tiles(mpp: float, seed: int) -> tuple[Pixels, ...]:
    """Draw the block of tissue tiles from the middle of a specimen, by row and column."""
    specimen = _block_specimen(mpp, seed)
    start = (specimen.size_px0.width - _BLOCK * TILE_PX) // 2
    block = render_region(specimen, RegionPx0(start, start, _BLOCK * TILE_PX, _BLOCK * TILE_PX))
    rows = block.reshape(_BLOCK, TILE_PX, _BLOCK, TILE_PX, 3).swapaxes(1, 2)
    return tuple(rows.reshape(-1, TILE_PX, TILE_PX, 3))


def _block_specimen(mpp: float, seed: int) -> Specimen:
    side = 2 * _BLOCK * TILE_PX
    return plan_specimen(seed, "large slide", size_px0=SizePx0(side, side), mpp=mpp, fractions=(0.4, 0.4), correlations=(0.2,))
