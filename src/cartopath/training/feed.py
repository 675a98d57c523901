"""Reading the tiles of batches to come block by block, by several threads, and holding each until it is drawn.

Memory is bounded by what the order lets lie between the first and the last tile of a block (see `cartopath.training.order`) and
one block per thread besides. What is read when, and by how many threads, changes nothing in the batches.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cartopath.training.order import Draw
from cartopath.training.source import TileSource

Tiles = NDArray[np.uint8]
Allocate = Callable[[tuple[int, ...]], Tiles]


@dataclass(frozen=True, eq=False)
class _Read:
    """Tiles of one block, which are read in one go.

    Attributes:
        batch: The first batch that needs any of them, counted over the whole feed.
        index: Their numbers.
        batches: For each the batch that needs it.
        rows: And its row there.
    """

    batch: int
    index: NDArray[np.int64]
    batches: NDArray[np.int64]
    rows: NDArray[np.int64]


def feed(
    source: TileSource, stretches: Iterable[Sequence[Draw]], *, threads: int, allocate: Allocate | None = None
) -> Generator[tuple[Draw, Tiles], None, None]:
    """Yield every draw with its tiles, flipped as it says.

    Args:
        source: Where tiles come from.
        stretches: Batches in their order, in stretches within which tiles of the same block are read together; asked for as
            needed.
        threads: How many blocks are read at the same time; as many are read ahead of the batch that needs them.
        allocate: Makes the array of a batch, uint8 of the shape it is given; by default a new one in ordinary memory.

    Yields:
        The draw, and its tiles: (n, size, size, 3) uint8 RGB.

    Raises:
        SlideError: A slide cannot be read.
        ArtifactError: A cache is damaged.
    """
    allocate = allocate or _new_array
    pool = ThreadPoolExecutor(threads, thread_name_prefix="cartopath-read")
    plan = _Plan(stretches)
    started: deque[tuple[_Read, Future[list[Tiles]]]] = deque()
    held: dict[tuple[int, int], Tiles] = {}
    try:
        for number, draw in enumerate(plan.draws()):
            while (read := plan.next_read()) is not None and (read.batch <= number or _n_after(started, number) < threads):
                started.append((plan.take_read(), pool.submit(source.read_together, read.index)))
            while started and started[0][0].batch <= number:
                read, tiles = started[0][0], started.popleft()[1].result()
                held.update(zip(zip(read.batches.tolist(), read.rows.tolist(), strict=True), tiles, strict=True))
            batch = allocate((len(draw.index), source.size_px, source.size_px, 3))
            for row, flips in enumerate(draw.flips.tolist()):
                _put(held.pop((number, row)), batch[row], *flips)
            yield draw, batch
    finally:
        pool.shutdown(cancel_futures=True)


class _Plan:
    """Which batches come, and what must be read for them, in the order of need."""

    def __init__(self, stretches: Iterable[Sequence[Draw]]) -> None:
        self._stretches = iter(stretches)
        self._draws: deque[Draw] = deque()
        self._reads: deque[_Read] = deque()
        self._n_planned = 0

    def draws(self) -> Iterator[Draw]:
        while self._draws or self._plan_more():
            yield self._draws.popleft()

    def next_read(self) -> _Read | None:
        return self._reads[0] if self._reads or self._plan_more() else None

    def take_read(self) -> _Read:
        return self._reads.popleft()

    def _plan_more(self) -> bool:
        for draws in self._stretches:
            if draws:
                self._reads.extend(_reads(draws, self._n_planned))
                self._draws.extend(draws)
                self._n_planned += len(draws)
                return True
        return False


def _reads(draws: Sequence[Draw], first_batch: int) -> list[_Read]:
    """Return what to read for a stretch of batches: the tiles of each block together, first what is needed first."""
    index = np.concatenate([draw.index for draw in draws])
    block = np.concatenate([draw.block for draw in draws])
    lengths = np.array([len(draw.index) for draw in draws])
    batch = first_batch + np.repeat(np.arange(len(draws)), lengths)
    row = np.arange(len(index)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    by_block = np.argsort(block, kind="stable")
    starts = np.flatnonzero(np.diff(block[by_block], prepend=-1))
    groups = [np.sort(group) for group in np.split(by_block, starts[1:])]
    groups.sort(key=lambda group: int(group[0]))
    return [_Read(int(batch[group[0]]), index[group], batch[group], row[group]) for group in groups]


def _n_after(started: deque[tuple[_Read, Future[list[Tiles]]]], number: int) -> int:
    return sum(read.batch > number for read, _ in started)


def _put(tile: Tiles, place: Tiles, across: bool, down: bool) -> None:
    if across or down:
        # OpenCV mirrors six times as fast as NumPy, whose pixels are three items each.
        cv2.flip(tile, -1 if across and down else int(across), place)
    else:
        place[...] = tile


def _new_array(shape: tuple[int, ...]) -> Tiles:
    return np.empty(shape, np.uint8)
