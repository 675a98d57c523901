"""A first look at HDF5 files in a process of its own: on a damaged one the HDF5 library can crash, or never come back.

One process looks at all files: that takes a fraction of a second and about a millisecond per file. When it dies, the file that it
was looking at is to blame, and another one looks at the rest.

This file is also the script of that process. It is kept free of imports from cartopath, so that the process starts quickly.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Timer
from typing import Any

_SECONDS = 60.0
_BYTES_PER_SECOND = 5 << 20
"""Slower than any disk that cohorts lie on."""
_SCRIPT = Path(__file__)
_BLOCK = 4_000_000
_WHOLE = "whole"
_DAMAGE = (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError, MemoryError)


def fatal_files(paths: Sequence[Path], *, seconds: float = _SECONDS) -> list[Path]:
    """Return the files that no process survives looking at; files that merely cannot be read are not among them.

    What describes the data is looked at, which is what crashes the library: attributes, names, and where arrays lie.

    Args:
        paths: HDF5 files.
        seconds: That a look at one file may take before it counts as one that never ends.
    """
    fatal, start = [], 0
    while start < len(paths):
        done = _looked_at(paths[start:], seconds)
        if start + done < len(paths):
            fatal.append(paths[start + done])
        start += done + 1
    return fatal


def survives(path: Path, *, seconds: float | None = None) -> bool:
    """Whether a process that reads all of a file lives to its end, in time.

    Args:
        path: The file.
        seconds: Time it has; by default a minute and what its size takes.
    """
    limit = _SECONDS + path.stat().st_size / _BYTES_PER_SECOND if seconds is None else seconds
    return _looked_at([path], limit, _WHOLE) == 1


def _looked_at(paths: Sequence[Path], seconds: float, *how: str) -> int:
    """Return how many files, from the first on, a process looked at before it died or took too long."""
    pipe, quiet = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen([sys.executable, "-P", str(_SCRIPT), *how], stdin=pipe, stdout=pipe, stderr=quiet) as process:
        assert process.stdin is not None and process.stdout is not None
        done, timer = 0, Timer(seconds, process.kill)
        timer.start()
        try:
            with suppress(BrokenPipeError), process.stdin as names:  # broken where it died at once
                names.write(json.dumps([str(path.resolve()) for path in paths]).encode())
            for _ in process.stdout:
                done += 1
                timer.cancel()
                timer = Timer(seconds, process.kill)
                timer.start()
        finally:
            timer.cancel()
        return done


def _look(path: str, *, is_whole: bool) -> None:
    """Read every attribute, and of every array its first row, or all of it block by block; what raises an error does no harm."""
    import h5py

    def visit(name: str, node: Any) -> None:
        try:
            _ = {key: node.attrs[key] for key in node.attrs}
            if isinstance(node, h5py.Dataset) and not node.external and not node.is_virtual and node.shape:
                row = max(1, node.size // max(1, node.shape[0]))
                step = max(1, _BLOCK // row) if is_whole else 1
                for start in range(0, node.shape[0] if is_whole else 1, step):
                    _ = node[start : start + step]
        except _DAMAGE:
            return

    try:
        with h5py.File(path, "r") as file:
            visit("/", file)
            file.visititems(visit)
    except _DAMAGE:
        return


if __name__ == "__main__":
    for given in json.load(sys.stdin):
        _look(given, is_whole=sys.argv[1:] == [_WHOLE])
        sys.stdout.write("\n")
        sys.stdout.flush()
