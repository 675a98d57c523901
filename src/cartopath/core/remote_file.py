"""A file at a URL as an open file, for those who look at little of it."""

from __future__ import annotations

import io
from collections import OrderedDict
from pathlib import Path
from typing import Any

from cartopath.core.remote import read_ranges, remote_stat

BLOCK_BYTES = 64 << 10
HELD_BLOCKS = 128
"""Of one open file: 8 MiB."""


class RemoteFile(io.RawIOBase):
    """A file at a URL as an open file: whole blocks are fetched, once, and the last ones are kept. For one thread.

    Whoever reads on gets ever more blocks at a time, so that a file that is read from end to end takes few requests.

    Raises:
        OSError: It cannot be read.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.name = str(path)
        self._path, self._place = path, 0
        self.stat = remote_stat(path)
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._next, self._ahead = -1, 1

    def readable(self) -> bool:
        """Return that it is."""
        return True

    def seekable(self) -> bool:
        """Return that it is."""
        return True

    def tell(self) -> int:
        """Return the place of the next byte."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place, which may lie behind the end."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self.stat.n_bytes}[whence]
        if start + offset < 0:
            raise OSError(f"cannot go to byte {start + offset:,}")
        self._place = start + offset
        return self._place

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as the file goes, and return how far that is."""
        target = memoryview(buffer).cast("B")
        n_bytes = max(0, min(len(target), self.stat.n_bytes - self._place))
        if not n_bytes:
            return 0
        first, last = self._place // BLOCK_BYTES, (self._place + n_bytes - 1) // BLOCK_BYTES
        data = b"".join(self._fetched(first, last))
        start = self._place - first * BLOCK_BYTES
        target[:n_bytes] = data[start : start + n_bytes]
        self._place += n_bytes
        return n_bytes

    def _fetched(self, first: int, last: int) -> list[bytes]:
        """Return blocks, the missing ones from the first to the last of them in one request."""
        held = {number: self._blocks[number] for number in range(first, last + 1) if number in self._blocks}
        missing = [number for number in range(first, last + 1) if number not in held]
        if missing:
            self._ahead = min(2 * self._ahead, HELD_BLOCKS // 2) if missing[0] == self._next else 1
            held |= self._fetch(missing[0], max(missing[-1] + 1, missing[0] + self._ahead))
        for number, block in held.items():
            self._blocks[number] = block
            self._blocks.move_to_end(number)
        while len(self._blocks) > HELD_BLOCKS:
            self._blocks.popitem(last=False)
        return [held[number] for number in range(first, last + 1)]

    def _fetch(self, first: int, end: int) -> dict[int, bytes]:
        """Return the blocks from `first` up to `end`, or that of the last byte."""
        start, stop = first * BLOCK_BYTES, min(end * BLOCK_BYTES, self.stat.n_bytes)
        (data,) = read_ranges(self._path, [(start, stop - start)])
        if isinstance(data, OSError):
            raise data
        self._next = -(-stop // BLOCK_BYTES)
        return {number: data[number * BLOCK_BYTES - start :][:BLOCK_BYTES] for number in range(first, self._next)}
