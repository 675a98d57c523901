"""Names for contents: the sha256 of a file, the key of a value, the quick identity of a huge file."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

_END = 1 << 20


def file_sha256(path: Path | str) -> str:
    """Return the sha256 of the whole file, as 64 hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_identity(path: Path | str) -> str:
    """Return a key of a file from its size and its first and last mebibyte: what a gigabyte slide can afford at every start.

    Renaming, copying and touching the file do not change it.
    """
    path = Path(path)
    digest = hashlib.sha256()
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        digest.update(str(size).encode())
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
