"""Files at URLs, read through fsspec: how large they are, which version it is, and their bytes in blocks.

Every failure of a file system leaves here as an `OSError` on one line, whatever library it comes from.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BLOCK_BYTES = 64 << 10
HELD_BLOCKS = 128
"""Of one open file: 8 MiB."""
PAUSES_S = (0.2, 1.0)
"""Before a request that failed is repeated, so that a moment of bad network is not taken for a damaged slide."""

_CONTENT_FIELDS = ("etag", "e_tag", "md5hash", "md5", "content-md5", "content_md5", "digest", "checksum", "crc32c", "version_id")
_TIME_FIELDS = ("mtime", "last-modified", "last_modified", "lastmodified", "updated", "modified", "created")
_FOREIGN = {
    "aiohttp": ("ClientError",),
    "requests": ("RequestException",),
    "botocore.exceptions": ("BotoCoreError", "ClientError"),
    "google.auth.exceptions": ("GoogleAuthError",),
    "gcsfs.retry": ("HttpError",),
    "azure.core.exceptions": ("AzureError",),
    "paramiko": ("SSHException",),
}
"""Errors of the libraries behind file systems that are no `OSError`, by the module that defines them."""
_GONE = re.compile(r"\b404\b|not found|NoSuch", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RemoteStat:
    """What a file system says of a file.

    Attributes:
        n_bytes: Its size.
        content: A mark of its content, such as an ETag; "" where there is none.
        changed: When it was last changed, in whatever form; "" where nobody says.
    """

    n_bytes: int
    content: str
    changed: str


def remote_errors() -> tuple[type[Exception], ...]:
    """Return what file systems raise, those whose libraries have been loaded."""
    loaded = [(sys.modules[module], names) for module, names in _FOREIGN.items() if module in sys.modules]
    foreign = [getattr(module, name) for module, names in loaded for name in names if hasattr(module, name)]
    return (OSError, EOFError, ValueError, TypeError, KeyError, RuntimeError, NotImplementedError, ImportError, *foreign)


@contextlib.contextmanager
def plain_errors(path: Path) -> Iterator[None]:
    """Turn whatever a file system raises into an `OSError` without the URL, which the caller names.

    Raises:
        FileNotFoundError: There is no such file.
        OSError: Anything else.
    """
    try:
        yield
    except FileNotFoundError as error:
        if _is_gone(error):
            raise FileNotFoundError("there is no such file") from error
        raise OSError(in_words(error.__cause__ or error)) from error
    except ImportError as error:
        raise OSError(f"reading {path.protocol}:// needs another package: {in_words(error)}") from error  # type: ignore[attr-defined]
    except remote_errors() as error:
        raise OSError(in_words(error)) from error


def _is_gone(error: FileNotFoundError) -> bool:
    """Whether a server said that there is no such file; fsspec says so, too, where no server answers."""
    cause = error.__cause__
    return cause is None or isinstance(cause, FileNotFoundError) or _GONE.search(str(cause)) is not None


def in_words(error: BaseException) -> str:
    """Return what an exception says on one line, with its class where it says little."""
    said = " ".join(str(error).split())
    return said if len(said) > 10 else f"{type(error).__name__}{f': {said}' if said else ''}"


def remote_stat(path: Path) -> RemoteStat:
    """Return size and version of a file at a URL, by one request.

    Raises:
        OSError: It is not there, its server does not answer or says no size, or a package is missing.
    """
    with plain_errors(path):
        file_system, url = _file_system(path)
        about = dict(file_system.info(url))
    if about.get("type") == "directory":
        raise IsADirectoryError("it is a folder")
    size = about.get("size")
    if not isinstance(size, int) or about.get("partial") is False:
        raise io.UnsupportedOperation("its server does not send parts of files; copy the file to a folder and name that")
    said = {str(name).lower(): str(value) for name, value in about.items() if value}
    content = next((said[name] for name in _CONTENT_FIELDS if name in said), "")
    return RemoteStat(size, content, next((said[name] for name in _TIME_FIELDS if name in said), ""))


def read_ranges(path: Path, ranges: list[tuple[int, int]]) -> list[bytes | OSError]:
    """Return stretches of a file at a URL, asked for at once so that a file system that can fetches them side by side.

    What fails is asked for again after each of `PAUSES_S`.

    Args:
        path: The file.
        ranges: First byte and size of each.

    Returns:
        For each its bytes, or why they cannot be had; never fewer bytes than asked for.
    """
    found = _read_once(path, ranges)
    for pause in PAUSES_S:
        failed = [number for number, data in enumerate(found) if isinstance(data, OSError) and not isinstance(data, _FINAL)]
        if not failed:
            break
        time.sleep(pause)
        for number, data in zip(failed, _read_once(path, [ranges[number] for number in failed]), strict=True):
            found[number] = data
    return found


_FINAL = (FileNotFoundError, PermissionError, io.UnsupportedOperation)
"""What is no better a moment later."""


def _read_once(path: Path, ranges: list[tuple[int, int]]) -> list[bytes | OSError]:
    try:
        with plain_errors(path):
            file_system, url = _file_system(path)
            ends = [start + size for start, size in ranges]
            found = file_system.cat_ranges([url] * len(ranges), [start for start, _ in ranges], ends, on_error="return")
    except OSError as error:
        return [error] * len(ranges)
    return [_exactly(size, data) for (_, size), data in zip(ranges, found, strict=True)]


def _exactly(size: int, data: bytes | BaseException) -> bytes | OSError:
    if isinstance(data, BaseException):
        if not isinstance(data, remote_errors()):
            raise data
        return FileNotFoundError("there is no such file") if isinstance(data, FileNotFoundError) else OSError(in_words(data))
    if len(data) > size:
        return io.UnsupportedOperation("its server does not send parts of files; copy the file to a folder and name that")
    return data if len(data) == size else OSError(f"{len(data):,} bytes came of {size:,}")


def _file_system(path: Path) -> tuple[Any, str]:
    return path.fs, path.path  # type: ignore[attr-defined]


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
