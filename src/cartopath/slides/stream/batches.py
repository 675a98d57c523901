"""Arrays for batches of tiles that are used again once nobody holds them.

A fresh array of fifty megabytes costs a page fault per four kilobytes, a tenth of the time that its tiles take to decode. Arrays
from here have faulted before, and return by themselves: whoever keeps a batch, a part of it or a tensor on it keeps its memory.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray


class BatchPool:
    """Arrays of (n, side, side, 3) uint8, for n up to a largest number.

    Safe to use from several threads.

    Args:
        n_tiles: Tiles of the largest batch.
        size_px: Side of a tile.
    """

    def __init__(self, n_tiles: int, size_px: int) -> None:
        self._shape = (n_tiles, size_px, size_px, 3)
        self._free: list[NDArray[np.uint8]] = []
        self._lock = threading.Lock()
        self.n_made = 0

    def take(self, n_tiles: int) -> NDArray[np.uint8]:
        """Return an array for `n_tiles` tiles, its content undefined; nobody else has it until it is dropped."""
        with self._lock:
            array = self._free.pop() if self._free else None
            self.n_made += array is None
        if array is None:
            array = np.empty(self._shape, np.uint8)
        lent: NDArray[np.uint8] = np.asarray(_Loan(self, array))
        return lent[:n_tiles]

    def give_back(self, array: NDArray[np.uint8]) -> None:
        """Take an array that nobody holds any more."""
        with self._lock:
            self._free.append(array)


class _Loan:
    """What numpy keeps alive as long as any view of the array lives; it then hands the array back."""

    def __init__(self, pool: BatchPool, array: NDArray[np.uint8]) -> None:
        self._pool, self._array = pool, array
        self.__array_interface__: dict[str, Any] = array.__array_interface__

    def __del__(self) -> None:
        self._pool.give_back(self._array)
