"""The ways to ask for the pixels of tiles."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cartopath.slides.array_pool import POOL
from cartopath.slides.slide import Slide
from cartopath.slides.stream.cutter import Cutter, TileWindow
from cartopath.slides.stream.cutting import make_cutter
from cartopath.slides.stream.pump import Batch, Pump, fill

_Result = TypeVar("_Result")
_MAPPED_AT_ONCE = 64
_MAPPED_BYTES = 64 << 20


@dataclass(frozen=True, slots=True, eq=False)
class TileBatch:
    """Some tiles of a slide, in order.

    Attributes:
        rows: Which of the tiles that were asked for.
        pixels: uint8 (n, size_px, size_px, 3) RGB; white past the slide's border and where a tile cannot be decoded. The memory
            belongs to whoever holds it; `torch.from_numpy` takes it as it is.
        is_readable: bool (n,); False where a tile cannot be decoded.
    """

    rows: slice
    pixels: NDArray[np.uint8]
    is_readable: NDArray[np.bool_]


def iter_tiles(
    slide: Slide, xy_px0: NDArray[np.integer], *, window_px0: int, size_px: int, batch_size: int, threads: int = 1
) -> Generator[TileBatch, None, None]:
    """Yield the pixels of tiles in batches, in order, while the next ones are being decoded.

    Two batches are filled ahead of the caller, or the row of tiles that shares frames, up to 128 MB. Other frames that later
    tiles need are kept in up to 192 MB: where the tiles of a grid come row by row, each frame is decoded once on slides up to
    128,000 px wide, and more.

    Args:
        slide: The slide.
        xy_px0: (n, 2) level-0 upper left corners.
        window_px0: Side of the tiles on the slide, in level-0 pixels.
        size_px: Side of the result in pixels.
        batch_size: Tiles per batch; the last may be smaller.
        threads: That read and decode; for a slide at a URL one more, which waits for the network. Does not change the result.

    Raises:
        SlideError: The slide is closed, or the tiles are impossibly large.
    """
    pump = Pump(
        make_cutter(slide, xy_px0, TileWindow(window_px0, size_px)),
        len(xy_px0),
        batch_size=max(1, batch_size),
        size_px=size_px,
        threads=max(1, threads),
    )
    with contextlib.closing(pump.batches()) as batches:
        for batch in batches:
            yield _tile_batch(batch)


def _tile_batch(batch: Batch) -> TileBatch:
    is_readable = np.ones(len(batch.pixels), bool)
    is_readable[[tile - batch.first for tile in batch.errors]] = False
    return TileBatch(slice(batch.first, batch.first + len(batch.pixels)), batch.pixels, is_readable)


def map_tiles(
    function: Callable[[NDArray[np.uint8]], _Result],
    slide: Slide,
    xy_px0: NDArray[np.integer],
    *,
    window_px0: int,
    size_px: int,
    threads: int = 1,
) -> Generator[_Result | None, None, None]:
    """Yield what a function makes of each tile, in order; None for tiles that cannot be decoded.

    Args:
        function: Takes uint8 (size_px, size_px, 3), which is used again afterwards: it must not keep it. Runs in the threads
            that decode.
        slide: The slide.
        xy_px0: (n, 2) level-0 upper left corners.
        window_px0: Side of the tiles on the slide, in level-0 pixels.
        size_px: Side of the tiles in pixels.
        threads: That read and decode; for a slide at a URL one more, which waits for the network. Does not change the result.

    Raises:
        SlideError: The slide is closed, or the tiles are impossibly large.
    """
    pump = Pump(
        make_cutter(slide, xy_px0, TileWindow(window_px0, size_px)),
        len(xy_px0),
        batch_size=_at_once(size_px),
        size_px=size_px,
        threads=max(1, threads),
        function=function,
    )
    with contextlib.closing(pump.batches()) as batches:
        for batch in batches:
            yield from batch.results


def read_tiles(
    slide: Slide, xy_px0: NDArray[np.integer], *, window_px0: int, size_px: int, threads: int = 1
) -> NDArray[np.uint8]:
    """Return the pixels of tiles.

    Args:
        slide: The slide.
        xy_px0: (n, 2) level-0 upper left corners.
        window_px0: Side of the tiles on the slide, in level-0 pixels.
        size_px: Side of the result in pixels.
        threads: That decode. Does not change the result.

    Returns:
        uint8 (n, size_px, size_px, 3) RGB; white past the slide's border.

    Raises:
        TileError: A tile cannot be decoded.
        SlideError: The slide is closed, or the tiles are impossibly large.
    """
    n_tiles = len(xy_px0)
    cutter = make_cutter(slide, xy_px0, TileWindow(window_px0, size_px))
    pixels = POOL.take((n_tiles, size_px, size_px, 3))
    if threads <= 1:
        _fill_here(cutter, pixels)
        return pixels
    pump = Pump(cutter, n_tiles, batch_size=_at_once(size_px), size_px=size_px, threads=threads)
    with contextlib.closing(pump.batches()) as batches:
        for batch in batches:
            _raise_first(batch)
            pixels[batch.first : batch.first + len(batch.pixels)] = batch.pixels
    return pixels


def _fill_here(cutter: Cutter, pixels: NDArray[np.uint8]) -> None:
    """Cut all tiles in this thread: a few tiles are done before threads would have started."""
    for first in range(0, len(pixels), _MAPPED_AT_ONCE):
        stop = min(first + _MAPPED_AT_ONCE, len(pixels))
        batch = Batch(first, pixels[first:stop], [])
        for job in cutter.admit(first, batch.pixels):
            for tile in cutter.run(job):
                fill(cutter, batch, tile, None)
        _raise_first(batch)


def _at_once(size_px: int) -> int:
    return max(1, min(_MAPPED_AT_ONCE, _MAPPED_BYTES // (size_px * size_px * 3)))


def _raise_first(batch: Batch) -> None:
    if batch.errors:
        raise batch.errors[min(batch.errors)]


def read_tile(slide: Slide, xy_px0: NDArray[np.integer], *, window_px0: int, size_px: int) -> NDArray[np.uint8]:
    """Return the pixels of one tile, uint8 (size_px, size_px, 3) RGB; see `read_tiles`."""
    x, y = (int(value) for value in xy_px0)
    return slide.read_scaled(x, y, (window_px0, window_px0), (size_px, size_px))
