"""The bytes of frames out of a slide's file, on this machine or at a URL.

Neighbours in the file are fetched by one read; a read that fails costs the frames that it was for, and no others.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cartopath.core.errors import SlideError
from cartopath.core.locations import is_remote
from cartopath.core.remote import read_ranges, remote_stat
from cartopath.slides.array_pool import POOL
from cartopath.slides.backends.protocol import FrameError

MAX_GAP_BYTES = 16 << 10
"""Between frames that one read of a local file fetches together: reading on is cheaper than another call."""
MAX_REMOTE_GAP_BYTES = 256 << 10
"""The same over a network, where a request costs the time of a megabyte."""
MAX_READ_BYTES = 4 << 20
"""Of one read for several frames; a larger frame is read by itself."""
MAX_FETCHED_BYTES = 64 << 20
"""Of one call to a file system; more is asked for in several calls, so that memory does not depend on the number of frames."""

_ROUNDED_BYTES = 256 << 10
"""Memory for a large read is a multiple of this, so that reads of other sizes can use it, too."""

Range = tuple[int, int]
"""First byte and number of bytes."""


@dataclass(slots=True)
class _Read:
    """One read and the numbers of the ranges that it is for."""

    start: int
    end: int
    wanted: list[int]

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

    def read_many(self, ranges: Sequence[Range]) -> list[bytes | memoryview | FrameError]:
        """Return the bytes of frames, in the order asked for.

        Args:
            ranges: First byte and size of each, in any order.

        Returns:
            For each its bytes, which may be a part of what was read in one go, or why they cannot be had: they lie beyond the end
            of the file, or it cannot be read there.
        """
        source = self._source  # While this holds it, closing waits.
        if source is None:
            return [FrameError("the slide was closed") for _ in ranges]
        found: list[bytes | memoryview | FrameError | None] = [None] * len(ranges)
        sound = self._within(ranges, found)
        for reads in _batches(merged(ranges, sound, max_gap=source.max_gap)):
            for read, data in zip(reads, source.read([(read.start, read.size) for read in reads]), strict=True):
                _share(read, data, ranges, found)
        return [part for part in found if part is not None]

    def _within(self, ranges: Sequence[Range], found: list[bytes | memoryview | FrameError | None]) -> Sequence[int]:
        """Return the numbers of the ranges that lie in the file; put an error where the others would be `found`."""
        n_bytes = self.n_bytes
        if all(start >= 0 <= size and start + size <= n_bytes for start, size in ranges):
            return range(len(ranges))
        sound = []
        for number, (start, size) in enumerate(ranges):
            if start >= 0 <= size and start + size <= n_bytes:
                sound.append(number)
            else:
                found[number] = FrameError(
                    f"its {size:,} bytes from byte {start:,} lie beyond the end of the file at {n_bytes:,}"
                )
        return sound

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine: reading takes next to no time, or none where the system was told ahead."""
        return not isinstance(self._source, _RemoteSource)

    def read_ahead(self, ranges: Sequence[Range]) -> None:
        """Tell the system that these bytes of a local file are needed soon; nobody waits for them."""
        source = self._source
        if isinstance(source, _LocalSource):
            for read in merged(ranges, self._within(ranges, [None] * len(ranges)), max_gap=source.max_gap):
                source.read_ahead(read.start, read.size)

    def close(self) -> None:
        """Let go of the file once nobody reads any more; closing twice does no harm."""
        self._source = None


def merged(ranges: Sequence[Range], numbers: Sequence[int], *, max_gap: int) -> list[_Read]:
    """Return the reads that fetch some of the ranges, by place in the file."""
    reads: list[_Read] = []
    first, last, wanted = 0, -max_gap - 1, [0][:0]
    for number in sorted(numbers, key=ranges.__getitem__):
        start, size = ranges[number]
        end = start + size
        if end < last:
            end = last
        if start - last <= max_gap and end - first <= MAX_READ_BYTES:
            wanted.append(number)
            last = end
            continue
        if wanted:
            reads.append(_Read(first, last, wanted))
        first, last, wanted = start, start + size, [number]
    return [*reads, _Read(first, last, wanted)] if wanted else reads


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


def _share(
    read: _Read,
    data: bytes | memoryview | OSError,
    ranges: Sequence[Range],
    found: list[bytes | memoryview | FrameError | None],
) -> None:
    """Put what was read, or why it was not, where those are who wanted it."""
    if isinstance(data, OSError):
        for number in read.wanted:
            found[number] = FrameError(f"the file cannot be read ({data.strerror or data})")
        return
    view, first = memoryview(data), read.start
    for number in read.wanted:
        start, size = ranges[number]
        found[number] = view[start - first : start - first + size]


def _memory(size: int) -> memoryview:
    """Return memory for a read; a large one gets some that was used before, since fresh memory costs as much as reading."""
    if size < _ROUNDED_BYTES:
        return memoryview(bytearray(size))
    return POOL.take((-(-size // _ROUNDED_BYTES) * _ROUNDED_BYTES,)).data[:size]


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

    def read(self, ranges: Sequence[Range]) -> list[memoryview | OSError]:
        return [self._read(start, size) for start, size in ranges]

    def _read(self, start: int, size: int) -> memoryview | OSError:
        view, n_read = _memory(size), 0
        try:
            while n_read < size and (more := self._part(view[n_read:], start + n_read)):
                n_read += more
        except OSError as error:
            return error
        return view if n_read == size else OSError("it became shorter while it was open")

    def _part(self, view: memoryview, start: int) -> int:
        if hasattr(os, "preadv"):
            return os.preadv(self._descriptor, [view], start)
        with self._seeking:  # Windows has one place in a file for all threads.
            os.lseek(self._descriptor, start, os.SEEK_SET)
            found = os.read(self._descriptor, len(view))
        view[: len(found)] = found
        return len(found)

    def read_ahead(self, start: int, size: int) -> None:
        if hasattr(os, "posix_fadvise"):
            with suppress(OSError):  # it is a favour: who cannot read will learn why when reading
                os.posix_fadvise(self._descriptor, start, size, os.POSIX_FADV_WILLNEED)


class _RemoteSource:
    """A file at a URL."""

    max_gap = MAX_REMOTE_GAP_BYTES

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, ranges: Sequence[Range]) -> Sequence[bytes | OSError]:
        return read_ranges(self._path, list(ranges))
