"""The bytes of frames out of a slide's file, on this machine or at a URL.

Neighbours in the file are fetched by one read; a read that fails costs the frames that it was for, and no others.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cartopath.core.errors import SlideError
from cartopath.core.locations import is_remote
from cartopath.core.remote import read_ranges, remote_stat
from cartopath.slides.backends.protocol import FrameError

MAX_GAP_BYTES = 16 << 10
"""Between frames that one read of a local file fetches together: reading on is cheaper than another call."""
MAX_REMOTE_GAP_BYTES = 256 << 10
"""The same over a network, where a request costs the time of a megabyte."""
MAX_READ_BYTES = 4 << 20
"""Of one read for several frames; a larger frame is read by itself."""
MAX_FETCHED_BYTES = 64 << 20
"""Of one call to a file system; more is asked for in several calls, so that memory does not depend on the number of frames."""

Range = tuple[int, int]
"""First byte and number of bytes."""


@dataclass(slots=True)
class _Read:
    """One read and the numbers of the ranges that it is for."""

    start: int
    end: int
    wanted: list[int] = field(default_factory=list)

    @property
    def size(self) -> int:
        return self.end - self.start


class FrameFile:
    """The open file of a slide. Several threads may read at once, and none waits for another.

    Attributes:
        n_bytes: Its size.
    """

    def __init__(self, path: Path, n_bytes: int | None = None) -> None:
        """Open the file at `path`.

        Args:
            path: From `as_path`.
            n_bytes: Its size, where that is known already: spares a request to a server.

        Raises:
            SlideError: It cannot be read.
        """
        self._source: _LocalSource | _RemoteSource | None
        try:
            if is_remote(path):
                self._source = _RemoteSource(path)
                self.n_bytes = remote_stat(path).n_bytes if n_bytes is None else n_bytes
            else:
                self._source = _LocalSource(path)
                self.n_bytes = self._source.size()
        except OSError as error:
            raise SlideError(f"{path}: cannot be read ({error.strerror or error})") from error

    @property
    def is_closed(self) -> bool:
        """Whether it was closed."""
        return self._source is None

    def read_many(self, ranges: Sequence[Range]) -> list[bytes | FrameError]:
        """Return the bytes of frames, in the order asked for.

        Args:
            ranges: First byte and size of each, in any order.

        Returns:
            For each its bytes, or why they cannot be had: they lie beyond the end of the file, or it cannot be read there.
        """
        source = self._source  # While this holds it, closing waits.
        if source is None:
            return [FrameError("the slide was closed") for _ in ranges]
        found: dict[int, bytes | FrameError] = {}
        for number, (start, size) in enumerate(ranges):
            if start < 0 or size < 0 or start + size > self.n_bytes:
                where = f"from byte {start:,} lie beyond the end of the file at {self.n_bytes:,}"
                found[number] = FrameError(f"its {size:,} bytes {where}")
        sound = [number for number in range(len(ranges)) if number not in found]
        for reads in _batches(merged(ranges, sound, max_gap=source.max_gap)):
            for read, data in zip(reads, source.read([(read.start, read.size) for read in reads]), strict=True):
                found |= _parts(read, data, ranges)
        return [found[number] for number in range(len(ranges))]

    def close(self) -> None:
        """Let go of the file once nobody reads any more; closing twice does no harm."""
        self._source = None


def merged(ranges: Sequence[Range], numbers: Sequence[int], *, max_gap: int) -> list[_Read]:
    """Return the reads that fetch some of the ranges, by place in the file."""
    reads: list[_Read] = []
    for number in sorted(numbers, key=lambda number: ranges[number]):
        start, size = ranges[number]
        last = reads[-1] if reads else None
        if last is not None and start - last.end <= max_gap and max(last.end, start + size) - last.start <= MAX_READ_BYTES:
            last.end = max(last.end, start + size)
            last.wanted.append(number)
        else:
            reads.append(_Read(start, start + size, [number]))
    return reads


def _batches(reads: Sequence[_Read]) -> Iterator[list[_Read]]:
    """Yield reads together that are no more than a call may fetch."""
    batch: list[_Read] = []
    n_bytes = 0
    for read in reads:
        if batch and n_bytes + read.size > MAX_FETCHED_BYTES:
            yield batch
            batch, n_bytes = [], 0
        batch.append(read)
        n_bytes += read.size
    if batch:
        yield batch


def _parts(read: _Read, data: bytes | OSError, ranges: Sequence[Range]) -> dict[int, bytes | FrameError]:
    if isinstance(data, OSError):
        return {number: FrameError(f"the file cannot be read ({data.strerror or data})") for number in read.wanted}
    if len(read.wanted) == 1:
        return {read.wanted[0]: data}
    places = {number: (ranges[number][0] - read.start, ranges[number][1]) for number in read.wanted}
    return {number: data[start : start + size] for number, (start, size) in places.items()}


class _LocalSource:
    """A descriptor of a local file, closed when the last reader has let go of this: the number of a closed file is never read."""

    max_gap = MAX_GAP_BYTES

    def __init__(self, path: Path) -> None:
        self._descriptor = -1
        self._descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))
        self._seeking = threading.Lock()

    def __del__(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)

    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    def read(self, ranges: Sequence[Range]) -> list[bytes | OSError]:
        return [self._read(start, size) for start, size in ranges]

    def _read(self, start: int, size: int) -> bytes | OSError:
        try:
            data = self._part(start, size)
            while len(data) < size and (more := self._part(start + len(data), size - len(data))):
                data += more
        except OSError as error:
            return error
        return data if len(data) == size else OSError("it became shorter while it was open")

    def _part(self, start: int, size: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self._descriptor, size, start)
        with self._seeking:  # Windows has one place in a file for all threads.
            os.lseek(self._descriptor, start, os.SEEK_SET)
            return os.read(self._descriptor, size)


class _RemoteSource:
    """A file at a URL."""

    max_gap = MAX_REMOTE_GAP_BYTES

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, ranges: Sequence[Range]) -> list[bytes | OSError]:
        return read_ranges(self._path, list(ranges))
