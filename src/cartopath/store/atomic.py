"""Writing a file so that its final name is either absent or complete: temp file, flush, fsync, close, replace, fsync folder."""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

TEMP_PREFIX = ".cartopath-"


@contextlib.contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside `path`; when the block ends well, it takes the place of `path` in one step.

    The temporary name keeps the suffix of `path`, since many libraries choose a format by it. On an exception the temporary
    file is removed and `path` is as it was.

    Args:
        path: The final name. Its folder is made if need be.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Keep the temp name short: the final name may already be as long as the file system allows.
    temporary = path.parent / f"{TEMP_PREFIX}{uuid.uuid4().hex[:12]}{''.join(path.suffixes[-2:])}"
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        _fsync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _fsync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open folders, and needs no fsync for the rename to be seen.
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_bytes(path: Path | str, content: bytes) -> None:
    """Write `content` to `path` atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path | str, content: str) -> None:
    """Write `content` to `path` atomically, as UTF-8 with Unix line ends."""
    write_bytes(path, content.encode())


def append_line(path: Path | str, line: str) -> None:
    """Append one line to a log: a single write to a file opened for appending, then fsync.

    A kill can leave at most an unfinished last line; the next line then starts on a row of its own, and readers of logs skip
    what they cannot parse.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:
        torn = False
        if file.seek(0, os.SEEK_END) > 0:
            file.seek(-1, os.SEEK_END)
            torn = file.read(1) != b"\n"
        file.write((b"\n" if torn else b"") + line.rstrip("\n").encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def sweep_temporary(folder: Path | str, *, older_than_s: float = 0.0) -> int:
    """Remove temporary files that a killed run left below `folder`, and return how many there were.

    Args:
        folder: Where to look, with all subfolders.
        older_than_s: Leave files alone that were written to within so many seconds: another machine may be at work on them.
    """
    newest = time.time() - older_than_s
    n_removed = 0
    for path in list(Path(folder).rglob(f"{TEMP_PREFIX}*")):
        with contextlib.suppress(FileNotFoundError):  # Its writer may be just done with it.
            if path.is_file() and path.stat().st_mtime <= newest:
                path.unlink()
                n_removed += 1
    return n_removed
