"""The tiles of many slides behind one numbering, read from the slides or from caches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cartopath.core.cores import usable_cores
from cartopath.training.blocks import places_of
from cartopath.training.cache import open_tile_cache
from cartopath.training.handles import OpenSlides
from cartopath.training.tiles import SlideTiles

_MAX_READ_THREADS = 8


def default_read_threads() -> int:
    """Return how many threads read tiles where nobody says it: one per core, at most eight, which outrun any one network."""
    return min(usable_cores(), _MAX_READ_THREADS)


class TileSource:
    """Tiles by number: those of the first slide, then those of the second, and so on.

    Slides are opened when first needed, in the process that needs them, and the least recently used is closed when there are too
    many. A pickled source carries no open slide. Reading is safe from several threads.

    Args:
        slides: Whose tiles.
        open_slides: How many stay open.
    """

    def __init__(self, slides: Sequence[SlideTiles], *, open_slides: int = 32) -> None:
        self.slides = tuple(slides)
        self._start = np.cumsum([0, *(slide.n_tiles for slide in self.slides)])
        self._limit = open_slides
        self._open = OpenSlides(open_slides)

    @property
    def n_tiles(self) -> int:
        """How many tiles there are."""
        return int(self._start[-1])

    @property
    def size_px(self) -> int:
        """Side of the tiles in pixels."""
        return self.slides[0].size_px

    @property
    def slide_of_tile(self) -> NDArray[np.int64]:
        """(n_tiles,) the number of the slide of each tile."""
        return np.repeat(np.arange(len(self.slides)), np.diff(self._start))

    @property
    def places(self) -> NDArray[np.float64]:
        """(n_tiles, 2) x and y of each tile on its slide, in widths of a tile."""
        return places_of(self.slides)

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
        tiles = np.empty((len(index), self.size_px, self.size_px, 3), np.uint8)
        slide_numbers = self._slide_numbers(index)
        for number in np.unique(slide_numbers):
            rows = np.flatnonzero(slide_numbers == number)
            for row, tile in zip(rows, self.read_together(index[rows]), strict=True):
                tiles[row] = tile
        return tiles

    def read_together(self, index: NDArray[np.int64]) -> list[NDArray[np.uint8]]:
        """Return tiles of one slide in one go, so that what they share is decoded once.

        Args:
            index: (n,) numbers, in any order.

        Returns:
            n arrays (size, size, 3) uint8, RGB, in the order asked for. Each is freed for itself.

        Raises:
            SlideError: The slide cannot be read.
            ArtifactError: The cache is damaged.
        """
        number = int(self._slide_numbers(index[:1])[0])
        slide, rows = self.slides[number], index - self._start[number]
        if slide.cache_path is not None and slide.cache_path.is_file():
            cached = open_tile_cache(slide)
            return [np.array(cached[row]) for row in rows]
        from cartopath.slides import read_tiles

        with self._open.reading(slide) as handle:
            tiles = read_tiles(handle, slide.xy_px0[rows], window_px0=slide.window_px0, size_px=slide.size_px, threads=1)
        return [tiles[0]] if len(tiles) == 1 else [tile.copy() for tile in tiles]

    def _slide_numbers(self, index: NDArray[np.int64]) -> NDArray[np.int64]:
        numbers: NDArray[np.int64] = np.searchsorted(self._start, index, side="right") - 1
        return numbers

    def close(self) -> None:
        """Close every slide that is open; they open again when needed."""
        self._open.close()

    def __getstate__(self) -> dict[str, Any]:
        return {"slides": self.slides, "_start": self._start, "_limit": self._limit}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._open = OpenSlides(self._limit)
