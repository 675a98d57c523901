"""Writing a pyramidal, JPEG-tiled TIFF of any size with bounded memory, in the layout that OpenSlide calls generic-tiled-tiff.

The finest level is drawn once, in rows of blocks from top to bottom. Every coarser level is the average of 4 x 4 pixels of the
one above and grows along. Its compressed tiles wait in memory until the finest level is on disk: about a fifteenth of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray

from cartopath.core.errors import SlideError
from cartopath.core.geometry import RegionPx0, SizePx0
from cartopath.store.atomic import atomic_path

TILE_PX = 256
FACTOR = 4
_BIGTIFF_FROM_BYTES = 3_500_000_000

Pixels = NDArray[np.uint8]
Draw = Callable[[RegionPx0], Pixels]


def level_sizes(size_px0: SizePx0) -> list[tuple[int, int]]:
    """Return the (width, height) of every level: each a quarter of the one above, until one fits in a tile or two.

    >>> level_sizes(SizePx0(2200, 2000))
    [(2200, 2000), (550, 500)]
    """
    sizes = [(size_px0.width, size_px0.height)]
    while max(sizes[-1]) > 4 * TILE_PX:
        sizes.append((max(1, sizes[-1][0] // FACTOR), max(1, sizes[-1][1] // FACTOR)))
    return sizes


def write_pyramid(
    path: Path | str, size_px0: SizePx0, *, mpp: float, draw: Draw, description: str = "", quality: int = 88
) -> None:
    """Write a slide.

    Args:
        path: The final name; replaced atomically.
        size_px0: Size of the finest level.
        mpp: Micrometres per pixel, stated in the resolution tags as pixels per centimetre.
        draw: Gives the pixels of a rectangle of the finest level, uint8 (height, width, 3). Called row by row of blocks.
        description: Goes into the ImageDescription tag.
        quality: JPEG quality, 1-100.

    Raises:
        SlideError: The size is empty, or `draw` gives pixels of another size.
    """
    if size_px0.width < 1 or size_px0.height < 1:
        raise SlideError(f"{path}: cannot write a slide of {size_px0.width} x {size_px0.height} px")
    sizes = level_sizes(size_px0)
    coarser = [_Level(width, quality) for width, _ in sizes[1:]]
    finest = _finest_tiles(size_px0, draw, coarser, quality, str(path))
    expected = size_px0.width * size_px0.height * 3 // 4  # a generous guess at compressed bytes
    with atomic_path(path) as temporary, tifffile.TiffWriter(temporary, bigtiff=expected > _BIGTIFF_FROM_BYTES) as writer:
        write_level(writer, finest, sizes[0], mpp=mpp, description=description)
        _flush(coarser)
        for (width, height), level in zip(sizes[1:], coarser, strict=True):
            scale = size_px0.width / width
            write_level(writer, iter(level.tiles), (width, height), mpp=mpp * scale, reduced=True)


def write_level(
    writer: tifffile.TiffWriter,
    tiles: Iterator[bytes],
    size: tuple[int, int],
    *,
    mpp: float,
    description: str = "",
    reduced: bool = False,
) -> None:
    """Write one level from its compressed tiles, row by row."""
    width, height = size
    writer.write(
        tiles,
        shape=(height, width, 3),
        dtype=np.uint8,
        tile=(TILE_PX, TILE_PX),
        photometric="ycbcr",
        subsampling=(2, 2),
        compression="jpeg",
        resolution=(1e4 / mpp, 1e4 / mpp),
        resolutionunit="CENTIMETER",
        subfiletype=int(reduced),
        description=description or None,
        metadata=None,
        software=False,
    )


def encode_tile(pixels: Pixels, *, quality: int = 88) -> bytes:
    """Return a tile as JPEG, RGB (TILE_PX, TILE_PX, 3) stored as YCbCr 4:2:0."""
    planes = np.ascontiguousarray(pixels)
    return bytes(imagecodecs.jpeg8_encode(planes, level=quality, colorspace="RGB", outcolorspace="YCBCR", subsampling="420"))


def shrink(pixels: Pixels, factor: int = FACTOR) -> Pixels:
    """Return the average of every `factor` x `factor` pixels; rows and columns that do not fill one are dropped."""
    height, width = pixels.shape[0] // factor, pixels.shape[1] // factor
    blocks = pixels[: height * factor, : width * factor].reshape(height, factor, width, factor, 3)
    total = blocks.sum(axis=(1, 3), dtype=np.uint32)
    mean: Pixels = ((total + factor * factor // 2) // (factor * factor)).astype(np.uint8)
    return mean


class _Level:
    """A coarser level that receives rows of pixels from the one above and turns them into tiles."""

    def __init__(self, width: int, quality: int) -> None:
        self.width = width
        self.quality = quality
        self.tiles: list[bytes] = []
        self._waiting: list[Pixels] = []

    def receive(self, rows: Pixels) -> Pixels | None:
        """Take rows of this level; once they fill a row of tiles, encode it and return its pixels for the next level."""
        self._waiting.append(rows[:, : self.width])
        if sum(len(part) for part in self._waiting) < TILE_PX:
            return None
        return self.finish()

    def finish(self) -> Pixels | None:
        """Encode whatever waits."""
        if not self._waiting:
            return None
        band = np.concatenate(self._waiting)
        self._waiting = []
        self.tiles += encode_band(band, quality=self.quality)
        return band


def encode_band(band: Pixels, *, quality: int) -> list[bytes]:
    """Return the tiles of one row of tiles from its pixels, uint8 (up to TILE_PX, width, 3), padded by repeating the edge."""
    bottom, right = -len(band) % TILE_PX, -band.shape[1] % TILE_PX
    padded = np.pad(band, ((0, bottom), (0, right), (0, 0)), mode="edge")
    return [encode_tile(padded[:, x : x + TILE_PX], quality=quality) for x in range(0, padded.shape[1], TILE_PX)]


def _finest_tiles(size: SizePx0, draw: Draw, coarser: list[_Level], quality: int, name: str) -> Iterator[bytes]:
    """Draw the slide two rows of tiles at a time, yield their tiles, and feed the coarser levels."""
    block = 2 * TILE_PX
    for y in range(0, size.height, block):
        height = min(block, size.height - y)
        band = np.empty((height, size.width, 3), np.uint8)
        for x in range(0, size.width, block):
            width = min(block, size.width - x)
            pixels = draw(RegionPx0(x, y, width, height))
            if pixels.shape != (height, width, 3) or pixels.dtype != np.uint8:
                found = f"{pixels.dtype} {pixels.shape}"
                raise SlideError(f"{name}: asked for uint8 pixels of shape {(height, width, 3)} at ({x}, {y}), got {found}")
            band[:, x : x + width] = pixels
        _feed(coarser, shrink(band))
        for top in range(0, height, TILE_PX):
            yield from encode_band(band[top : top + TILE_PX], quality=quality)


def _feed(levels: list[_Level], rows: Pixels | None) -> None:
    for level in levels:
        if rows is None or len(rows) == 0:
            return
        full = level.receive(rows)
        rows = None if full is None else shrink(full)


def _flush(levels: list[_Level]) -> None:
    for i, level in enumerate(levels):
        rest = level.finish()
        if rest is not None:
            _feed(levels[i + 1 :], shrink(rest))
