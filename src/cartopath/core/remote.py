"""Files at URLs, read through fsspec: how large they are, which version it is, and their bytes.

Every failure of a file system leaves here as an `OSError` on one line, whatever library it comes from.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
_FINAL = (FileNotFoundError, io.UnsupportedOperation)
"""What is no better a moment later."""
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
