"""Arrays of pixels that are used again once nobody holds them.

A fresh array costs a page fault per four kilobytes: for a batch of tiles a fifth of the time that they take to decode. Arrays
from here have faulted before, and come back by themselves: whoever holds one, a view of it or a tensor on it holds its memory.

Where an array starts matters, too. libjpeg-turbo writes past the processor's caches where a row of pixels starts at a multiple of
32 bytes (16 on old processors): decoding takes a tenth longer, and so does what reads the pixels right afterwards.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

IDLE_BYTES = 128 << 20
"""That a process keeps at most for arrays to come: five batches of 32 tiles of 512 px."""
_STEP, _START = 32, 8
"""Arrays start so many bytes after a multiple of the step."""


class ArrayPool:
    """Arrays of uint8 by their number of bytes; of those that nobody holds, the ones returned last are kept.

    Safe to use from several threads.

    Args:
        idle_bytes: To keep at most.
    """

    def __init__(self, idle_bytes: int = IDLE_BYTES) -> None:
        self._idle: OrderedDict[int, list[NDArray[np.uint8]]] = OrderedDict()
        self._n_idle_bytes, self._max_idle_bytes = 0, idle_bytes
        self._lock = threading.RLock()  # an array can come back, by garbage collection, while its own thread asks for another
        self.n_made = 0

    @property
    def n_idle_bytes(self) -> int:
        """Bytes that nobody uses now."""
        return self._n_idle_bytes

    def take(self, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """Return an array, its content undefined; nobody else has it until it is dropped."""
        n_bytes = prod(shape)
        lent: NDArray[np.uint8] = np.asarray(_Loan(self, self._idle_of(n_bytes)))
        return lent.reshape(shape)

    def _idle_of(self, n_bytes: int) -> NDArray[np.uint8]:
        with self._lock:
            idle = self._idle.get(n_bytes)
            if idle:
                self._n_idle_bytes -= n_bytes
                return idle.pop()
            self.n_made += 1
        room = np.empty(n_bytes + _STEP, np.uint8)
        first = (_START - room.__array_interface__["data"][0]) % _STEP
        return room[first : first + n_bytes]

    def give_back(self, memory: NDArray[np.uint8]) -> None:
        """Take the memory of an array that nobody holds any more."""
        with self._lock:
            self._idle.setdefault(memory.nbytes, []).append(memory)
            self._idle.move_to_end(memory.nbytes)
            self._n_idle_bytes += memory.nbytes
            while self._n_idle_bytes > self._max_idle_bytes:
                n_bytes, idle = next(iter(self._idle.items()))
                if idle:
                    idle.pop()
                    self._n_idle_bytes -= n_bytes
                else:
                    del self._idle[n_bytes]


class _Loan:
    """What numpy keeps alive as long as any view of the array lives; it then hands the memory back."""

    def __init__(self, pool: ArrayPool, memory: NDArray[np.uint8]) -> None:
        self._pool, self._memory = pool, memory
        self.__array_interface__: dict[str, Any] = memory.__array_interface__

    def __del__(self) -> None:
        self._pool.give_back(self._memory)


POOL = ArrayPool()
"""The one of this process."""
