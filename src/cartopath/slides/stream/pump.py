"""Tiles in batches, in order: a thread reads the file ahead, others decode and cut, the caller takes what is complete.

Memory is bounded by the batches that are open and by what the cutter keeps.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import TileError
from cartopath.slides.array_pool import POOL
from cartopath.slides.stream.cutter import Cutter, Job

CHUNK_BYTES = 4 << 20
"""Of tiles whose frames are read from the file together: few, since decoders wait while their needs are worked out."""
_BATCHES_AHEAD, _BYTES_AHEAD = 2, 128 << 20
"""That are open besides the one that the caller has: two batches, or more where tiles further on need the same frames, up to a
row of 160 tiles of 512 px."""
_WHITE = 255


@dataclass(eq=False)
class Batch:
    """A batch that is being filled.

    Attributes:
        first: Number of its first tile.
        pixels: uint8 (n, size, size, 3).
        results: What was made of each tile, where that was asked for.
        errors: Of the tiles that cannot be decoded, by number.
        n_left: Tiles that are not done.
    """

    first: int
    pixels: NDArray[np.uint8]
    results: list[Any]
    errors: dict[int, TileError] = field(default_factory=dict)
    n_left: int = 0


def fill(cutter: Cutter, batch: Batch, tile: int, function: Callable[[NDArray[np.uint8]], Any] | None) -> None:
    """Cut one complete tile into its batch, white if it cannot be decoded, and make of it what is asked for."""
    out = batch.pixels[tile - batch.first]
    try:
        cutter.cut(tile, out)
    except TileError as error:
        out[...] = _WHITE
        batch.errors[tile] = error
    else:
        if function is not None:
            batch.results[tile - batch.first] = function(out)
    cutter.finish(tile)


class Pump:
    """The threads of one stream.

    Args:
        cutter: Cuts the tiles.
        n_tiles: How many there are.
        batch_size: Tiles per batch.
        size_px: Side of a tile in pixels.
        threads: That decode.
        function: What to make of each tile, in the thread that cut it.
    """

    def __init__(
        self,
        cutter: Cutter,
        n_tiles: int,
        *,
        batch_size: int,
        size_px: int,
        threads: int,
        function: Callable[[NDArray[np.uint8]], Any] | None = None,
    ) -> None:
        self._cutter, self._n_tiles, self._batch_size, self._function = cutter, n_tiles, batch_size, function
        self._chunk = max(1, min(batch_size, CHUNK_BYTES // cutter.tile_bytes))
        self._tile_shape = (size_px, size_px, 3)
        in_reach, in_memory = -(-cutter.reach // batch_size) + 1, _BYTES_AHEAD // (batch_size * cutter.tile_bytes)
        self._n_ahead = max(_BATCHES_AHEAD, min(in_reach, in_memory))
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._change = threading.Condition()
        self._open: dict[int, Batch] = {}
        self._error: BaseException | None = None
        self._is_stopped = False
        work = [threading.Thread(target=self._guarded, args=(self._work,), name=f"cartopath-decode-{i}") for i in range(threads)]
        self._threads = [threading.Thread(target=self._guarded, args=(self._read_ahead,), name="cartopath-read"), *work]

    def batches(self) -> Generator[Batch, None, None]:
        """Yield the batches in order. Closing the generator ends the threads."""
        for thread in self._threads:
            thread.daemon = True
            thread.start()
        try:
            for first in range(0, self._n_tiles, self._batch_size):
                yield self._take(first)
        finally:
            self._stop()

    def _take(self, first: int) -> Batch:
        def is_there() -> bool:
            return self._error is not None or (first in self._open and self._open[first].n_left == 0)

        with self._change:
            self._change.wait_for(is_there)
            if self._error is not None:
                raise self._error
            batch = self._open.pop(first)
            self._change.notify_all()
        return batch

    def _stop(self) -> None:
        with self._change:
            self._is_stopped = True
            self._change.notify_all()
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _guarded(self, work: Callable[[], None]) -> None:
        """Hand whatever a thread raises to the caller."""
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            with self._change:
                self._error = self._error or error
                self._change.notify_all()

    def _read_ahead(self) -> None:
        for first in range(0, self._n_tiles, self._batch_size):
            stop = min(first + self._batch_size, self._n_tiles)
            if not self._wait_until(lambda: len(self._open) < self._n_ahead):
                return
            batch = Batch(first, POOL.take((stop - first, *self._tile_shape)), [None] * (stop - first), n_left=stop - first)
            with self._change:
                self._open[first] = batch
            for start in range(first, stop, self._chunk):
                if self._is_stopped or self._error is not None:
                    return
                for job in self._cutter.admit(start, batch.pixels[start - first : start - first + self._chunk]):
                    self._jobs.put(job)

    def _wait_until(self, condition: Callable[[], bool]) -> bool:
        """Wait; return False if there is nothing more to wait for."""
        with self._change:
            self._change.wait_for(lambda: self._is_stopped or self._error is not None or condition())
            return not self._is_stopped and self._error is None

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None and not self._is_stopped:
            for tile in self._cutter.run(job):
                first = tile - tile % self._batch_size
                batch = self._open[first]
                fill(self._cutter, batch, tile, self._function)
                self._done(batch)

    def _done(self, batch: Batch) -> None:
        with self._change:
            batch.n_left -= 1
            if batch.n_left == 0:
                self._change.notify_all()
