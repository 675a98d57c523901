"""The pixels of many tiles: in order, by several threads, in bounded memory."""

from __future__ import annotations

import contextlib
import functools
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cartopath.slides.slide import Slide

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def read_tiles(
    slide: Slide, xy_px0: NDArray[np.integer], *, window_px0: int, size_px: int, threads: int = 1
) -> NDArray[np.uint8]:
    """Return the pixels of tiles.

    Args:
        slide: The slide.
        xy_px0: (n, 2) level-0 upper left corners.
        window_px0: Side of the tiles on the slide, in level-0 pixels.
        size_px: Side of the result in pixels.
        threads: How many tiles are decoded at once. Does not change the result.

    Returns:
        uint8 (n, size_px, size_px, 3) RGB; white past the slide's border.

    Raises:
        SlideError: A tile cannot be decoded.
    """
    pixels = np.empty((len(xy_px0), size_px, size_px, 3), np.uint8)
    read = functools.partial(read_tile, slide, window_px0=window_px0, size_px=size_px)
    with contextlib.closing(ordered_map(read, xy_px0, threads=threads, in_flight=4 * threads)) as tiles:
        for place, tile in zip(pixels, tiles, strict=True):
            place[...] = tile
    return pixels


def iter_tiles(
    slide: Slide, xy_px0: NDArray[np.integer], *, window_px0: int, size_px: int, batch_size: int, threads: int = 1
) -> Iterator[tuple[slice, NDArray[np.uint8]]]:
    """Yield the pixels of tiles in batches, in order, while the next batch is being decoded.

    Never holds more than two batches besides those the caller keeps. Each batch is an array of its own.

    Args:
        slide: The slide.
        xy_px0: (n, 2) level-0 upper left corners.
        window_px0: Side of the tiles on the slide, in level-0 pixels.
        size_px: Side of the result in pixels.
        batch_size: Tiles per batch; the last may be smaller.
        threads: How many tiles are decoded at once. Does not change the result.

    Yields:
        Which rows of `xy_px0`, and their pixels: uint8 (n, size_px, size_px, 3) RGB.

    Raises:
        SlideError: A tile cannot be decoded.
    """
    n_tiles = len(xy_px0)
    read = functools.partial(read_tile, slide, window_px0=window_px0, size_px=size_px)
    with contextlib.closing(ordered_map(read, xy_px0, threads=threads, in_flight=max(threads, batch_size))) as tiles:
        for start in range(0, n_tiles, batch_size):
            rows = slice(start, min(start + batch_size, n_tiles))
            batch = np.empty((rows.stop - rows.start, size_px, size_px, 3), np.uint8)
            for place in batch:
                place[...] = next(tiles)
            yield rows, batch


def read_tile(slide: Slide, xy_px0: NDArray[np.integer], *, window_px0: int, size_px: int) -> NDArray[np.uint8]:
    """Return the pixels of one tile, uint8 (size_px, size_px, 3) RGB; see `read_tiles`."""
    x, y = (int(value) for value in xy_px0)
    return slide.read_scaled(x, y, (window_px0, window_px0), (size_px, size_px))


def ordered_map(
    function: Callable[[_Item], _Result], items: Iterable[_Item], *, threads: int, in_flight: int
) -> Generator[_Result]:
    """Yield `function(item)` of each item, in order, computed by `threads` threads ahead of the caller.

    Unlike `Executor.map` it looks only `in_flight` items ahead, so memory stays bounded however many items there are.
    """
    waiting: deque[Future[_Result]] = deque()
    with ThreadPoolExecutor(max(1, threads), thread_name_prefix="cartopath-tiles") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > in_flight:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
