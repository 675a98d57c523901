"""Names for contents: the sha256 of a file, the key of a value, the quick identity of a huge file, here or at a URL."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from cartopath.core.locations import as_path, is_remote, open_binary
from cartopath.core.remote import remote_stat

_END = 1 << 20


def file_sha256(path: Path | str) -> str:
    """Return the sha256 of the whole file, as 64 hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def slide_sha256(path: Path) -> str:
    """Return the sha256 of a slide, "" of one at a URL: to read all of it for a number would cost more than its tiles do."""
    return "" if is_remote(path) else file_sha256(path)


def file_identity(path: Path | str) -> str:
    """Return a key of a file from its size and its first and last mebibyte: what a gigabyte slide can afford at every start.

    Renaming, copying and touching the file do not change it. At a URL the size and what the server calls this version of the
    file (its ETag or checksum, otherwise when it was changed) take the place of the content, where it says either.

    Raises:
        OSError: It cannot be read.
    """
    path = as_path(path)
    if is_remote(path):
        about = remote_stat(path)
        version = about.content or (f"{path} {about.changed}" if about.changed else "")
        if version:
            return value_key(["remote", about.n_bytes, version])
    digest = hashlib.sha256()
    with open_binary(path) as file:
        size = file.seek(0, os.SEEK_END)
        digest.update(str(size).encode())
        file.seek(0)
        digest.update(file.read(_END))
        file.seek(max(0, size - _END))
        digest.update(file.read(_END))
    return digest.hexdigest()


def value_key(value: object) -> str:
    """Return the key of a JSON-like value: equal values have equal keys, whatever the order of their dictionaries.

    >>> value_key({"a": 1, "b": [2.0]}) == value_key({"b": [2.0], "a": 1})
    True
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
