"""Space on disk, and whether the file system keeps the promise that a final name is absent or complete."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path

from cartopath.cli.doctor.verdict import Verdict
from cartopath.store.atomic import write_bytes

_PROBLEM_GB, _WARNING_GB = 1.0, 20.0
_TEMPORARY_GB = 1.0


def nearest_folder(path: Path) -> Path:
    """Return the folder itself, or its closest parent that exists."""
    path = path.absolute()
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def free_gb(folder: Path) -> float:
    """Return the free space where a folder lies, GB."""
    return shutil.disk_usage(nearest_folder(folder)).free / 1e9


def disk(folder: Path, free: Callable[[Path], float] = free_gb) -> Verdict:
    """Look at the space where the study lies."""
    space = free(folder)
    found = f"{space:,.1f} GB free at {nearest_folder(folder)}"
    if space < _PROBLEM_GB:
        return Verdict("problem", found, "free some space, or put the study on another disk")
    if space < _WARNING_GB:
        return Verdict("warning", found, f"enough for small cohorts; a large one keeps decoded tiles: free {_WARNING_GB:.0f} GB")
    return Verdict("ok", found)


def temporary_space(free: Callable[[Path], float] = free_gb) -> Verdict:
    """Look at the space for temporary files."""
    folder = Path(tempfile.gettempdir())
    space = free(folder)
    found = f"{space:,.1f} GB free at {folder}"
    if space < _TEMPORARY_GB:
        return Verdict("warning", found, "free some space, or set TMPDIR to a folder on a larger disk")
    return Verdict("ok", found)


def file_system(folder: Path, write: Callable[[Path, bytes], None] = write_bytes) -> Verdict:
    """Write, replace and read back a file as results are written: flush to disk, then rename over the old one."""
    where = nearest_folder(folder)
    path = where / f".cartopath-doctor-{uuid.uuid4().hex[:8]}"
    try:
        write(path, b"first")
        write(path, b"second")
        content = path.read_bytes()
    except OSError as error:
        found = f"cannot write and replace a file in {where}: {error.strerror or error}"
        return Verdict("problem", found, "put the study where you may write and where files can be renamed")
    finally:
        _remove(path)
    if content != b"second":
        return Verdict("problem", f"a replaced file in {where} still has its old content", "put the study on another disk")
    return Verdict("ok", f"{where}: files are flushed to disk and replaced in one step")


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return
