"""Tiles in batches, in order: threads read, decode and cut, the caller takes what is complete.

Each thread does whatever comes next: decode a frame or, where few are left, read more. So all processors decode all the time, and
what was read is still in the cache of one that decodes it. Memory is bounded by the open batches and by what the cutter keeps.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import TileError
from cartopath.slides.array_pool import POOL
from cartopath.slides.stream.cutter import Cutter, Job

CHUNK_BYTES = 16 << 20
"""Of tiles whose frames are read from the file together: enough that each read is worth its while, few enough that decoders, who
wait while needs are worked out, soon go on."""
_FEW_JOBS = 2
"""Left for each thread: time to read more."""
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
        self._jobs: deque[Job] = deque()
        self._few = _FEW_JOBS * threads
        self._admitted = 0
        self._reading = threading.Lock()
        self._change = threading.Condition()
        self._open: dict[int, Batch] = {}
        self._error: BaseException | None = None
        self._is_stopped = False
        n_threads = threads if cutter.is_local else threads + 1  # one of which will wait for the network
        self._threads = [threading.Thread(target=self._guarded, name=f"cartopath-decode-{i}") for i in range(n_threads)]

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
        for thread in self._threads:
            thread.join()

    def _guarded(self) -> None:
        """Work, and hand whatever that raises to the caller."""
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            with self._change:
                self._error = self._error or error
                self._change.notify_all()

    def _work(self) -> None:
        while (job := self._next_job()) is not None:
            for tile in self._cutter.run(job):
                batch = self._open[tile - tile % self._batch_size]
                fill(self._cutter, batch, tile, self._function)
                self._done(batch)

    def _next_job(self) -> Job | None:
        """Return what is to be done next; None at the end. Sees to it that there is more after it."""
        while not self._is_over():
            try:
                job = self._jobs.popleft()
            except IndexError:
                with self._reading:  # or wait until whoever reads has done so
                    if not self._jobs and not self._admit() and not self._wait_for_room():
                        return None
                continue
            # A frame that finds all tiles admitted that need it is pasted while it is in the processor's cache.
            while (len(self._jobs) < self._few or job.last_user >= self._admitted) and self._admit_if_free():
                pass
            return job
        return None

    def _admit_if_free(self) -> bool:
        """Read more, unless somebody does so already or there is no room; return whether that was done."""
        if not self._has_room() or not self._reading.acquire(blocking=False):
            return False
        try:
            return self._admit()
        finally:
            self._reading.release()

    def _is_over(self) -> bool:
        return self._is_stopped or self._error is not None

    def _has_room(self) -> bool:
        """Whether there are tiles to admit, and a batch that they may go to."""
        is_within = self._admitted % self._batch_size != 0
        return self._admitted < self._n_tiles and (is_within or len(self._open) < self._n_ahead)

    def _admit(self) -> bool:
        """Read what some more tiles need; return whether there was room for them. By one thread at a time."""
        if not self._has_room() or self._is_over():
            return False
        first = self._admitted
        start = first - first % self._batch_size
        if first == start:
            stop = min(start + self._batch_size, self._n_tiles)
            batch = Batch(start, POOL.take((stop - start, *self._tile_shape)), [None] * (stop - start), n_left=stop - start)
            with self._change:
                self._open[start] = batch
        batch = self._open[start]
        slots = batch.pixels[first - start : first - start + self._chunk]
        jobs = self._cutter.admit(first, slots)
        self._admitted += len(slots)
        self._jobs.extend(jobs)
        return True

    def _wait_for_room(self) -> bool:
        """Wait until more tiles may be admitted; return False if there will be none."""
        with self._change:
            self._change.wait_for(lambda: self._is_over() or self._has_room() or self._admitted == self._n_tiles)
            return self._admitted < self._n_tiles and not self._is_over()

    def _done(self, batch: Batch) -> None:
        with self._change:
            batch.n_left -= 1
            if batch.n_left == 0:
                self._change.notify_all()
