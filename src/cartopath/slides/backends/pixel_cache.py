"""Decoded pixels kept for a while: the ones used last, up to a bound of bytes, shared by all slides of a process."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

_Value = TypeVar("_Value")

new_owner = itertools.count().__next__
"""Gives every open file a number of its own for the keys of a cache."""


class PixelCache(Generic[_Value]):
    """Values under (owner, key). What was used longest ago goes first; the newest value stays even if it alone exceeds the bound.

    Safe to use from several threads.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._n_bytes = 0
        self._values: OrderedDict[tuple[int, Hashable], tuple[_Value, int]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def n_bytes(self) -> int:
        """Bytes that are held now."""
        return self._n_bytes

    def get(self, owner: int, key: Hashable) -> _Value | None:
        """Return what was put under this key, or None if it is no longer here."""
        with self._lock:
            found = self._values.get((owner, key))
            if found is None:
                return None
            self._values.move_to_end((owner, key))
            return found[0]

    def put(self, owner: int, key: Hashable, value: _Value, n_bytes: int) -> None:
        """Keep a value of `n_bytes` and let go of the oldest ones above the bound."""
        with self._lock:
            self._forget((owner, key))
            self._values[(owner, key)] = (value, n_bytes)
            self._n_bytes += n_bytes
            while self._n_bytes > self._max_bytes and len(self._values) > 1:
                self._forget(next(iter(self._values)))

    def drop(self, owner: int) -> None:
        """Let go of everything of one owner."""
        with self._lock:
            for key in [key for key in self._values if key[0] == owner]:
                self._forget(key)

    def _forget(self, key: tuple[int, Hashable]) -> None:
        found = self._values.pop(key, None)
        if found is not None:
            self._n_bytes -= found[1]
