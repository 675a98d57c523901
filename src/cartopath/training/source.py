"""The tiles of many slides behind one numbering, read from the slides or from caches."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cartopath.training.cache import open_tile_cache
from cartopath.training.tiles import SlideTiles

if TYPE_CHECKING:
    from cartopath.slides import Slide


class TileSource:
    """Tiles by number: those of the first slide, then those of the second, and so on.

    Slides are opened when first needed, in the process that needs them, and the least recently used is closed when there are too
    many. A pickled source carries no open slide. One reader at a time: calls from several threads wait for each other.

    Args:
        slides: Whose tiles.
        threads: How many slides of a request are decoded at the same time.
        open_slides: How many stay open.
    """

    def __init__(self, slides: Sequence[SlideTiles], *, threads: int = 1, open_slides: int = 32) -> None:
        self.slides = tuple(slides)
        self._threads, self._limit = threads, max(threads, open_slides)
        self._start = np.cumsum([0, *(slide.n_tiles for slide in self.slides)])
        self._prepare()

    def _prepare(self) -> None:
        self._open: OrderedDict[int, Slide] = OrderedDict()
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None

    @property
    def n_tiles(self) -> int:
        """How many tiles there are."""
        return int(self._start[-1])

    @property
    def slide_of_tile(self) -> NDArray[np.int64]:
        """(n_tiles,) the number of the slide of each tile."""
        return np.repeat(np.arange(len(self.slides)), np.diff(self._start))

    def read(self, index: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return tiles by number.

        Args:
            index: (n,) numbers, in any order.

        Returns:
            (n, size, size, 3) uint8, RGB, in the order asked for.

        Raises:
            SlideError: A slide cannot be read.
            ArtifactError: A cache is damaged.
        """
        index = np.asarray(index, dtype=np.int64)
        size = self.slides[0].size_px
        tiles = np.empty((len(index), size, size, 3), np.uint8)
        numbers = np.searchsorted(self._start, index, side="right") - 1
        with self._lock:
            groups = [(number, np.flatnonzero(numbers == number)) for number in np.unique(numbers).tolist()]
            for first in range(0, len(groups), self._limit):
                self._read_groups(groups[first : first + self._limit], index, tiles)
        return tiles

    def _read_groups(
        self, groups: list[tuple[int, NDArray[np.int64]]], index: NDArray[np.int64], tiles: NDArray[np.uint8]
    ) -> None:
        # Handles are looked up here, in one thread; decoding, which releases the interpreter, may run in several.
        handles = [None if self._is_cached(number) else self._slide(number) for number, _ in groups]

        def read_group(group: tuple[int, NDArray[np.int64]], handle: Slide | None) -> None:
            number, rows = group
            tiles[rows] = self._read_from(self.slides[number], handle, index[rows] - self._start[number])

        if self._threads == 1 or len(groups) == 1:
            for group, handle in zip(groups, handles, strict=True):
                read_group(group, handle)
            return
        self._pool = self._pool or ThreadPoolExecutor(self._threads, thread_name_prefix="cartopath-read")
        list(self._pool.map(read_group, groups, handles))

    def _is_cached(self, number: int) -> bool:
        path = self.slides[number].cache_path
        return path is not None and path.is_file()

    def _read_from(self, slide: SlideTiles, handle: Slide | None, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        if handle is None:
            return open_tile_cache(slide)[rows]
        from cartopath.slides import read_tiles

        return read_tiles(handle, slide.xy_px0[rows], window_px0=slide.window_px0, size_px=slide.size_px, threads=1)

    def _slide(self, number: int) -> Slide:
        from cartopath.slides import open_slide

        if number not in self._open:
            while len(self._open) >= self._limit:
                self._open.popitem(last=False)[1].close()
            wanted = self.slides[number]
            self._open[number] = open_slide(wanted.path, mpp=wanted.stated_mpp, assume_mpp=wanted.assume_mpp)
        self._open.move_to_end(number)
        return self._open[number]

    def close(self) -> None:
        """Close every slide that is open; they open again when needed."""
        with self._lock:
            while self._open:
                self._open.popitem()[1].close()
            if self._pool is not None:
                self._pool.shutdown()
                self._pool = None

    def __getstate__(self) -> dict[str, Any]:
        return {"slides": self.slides, "_threads": self._threads, "_limit": self._limit, "_start": self._start}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._prepare()
