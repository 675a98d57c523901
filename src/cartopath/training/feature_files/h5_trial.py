"""A first look at many HDF5 files in a process of its own: on a damaged one the HDF5 library can crash, or never come back.

What crashes it is what describes the data: attributes, names, and where arrays lie. So that alone is looked at, and one process
looks at all files: that takes a fraction of a second and about a millisecond per file. When the process dies, the file that it
was looking at is to blame, and another one looks at the rest.

This file is also the script of that process. It is kept free of imports from cartopath, so that the process starts quickly.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_SECONDS = 60.0
_SCRIPT = Path(__file__)
_DAMAGE = (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError, MemoryError)


def fatal_files(paths: Sequence[Path], *, seconds: float = _SECONDS) -> list[Path]:
    """Return the files that no process survives looking at; files that merely cannot be read are not among them.

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


def _looked_at(paths: Sequence[Path], seconds: float) -> int:
    """Return how many files, from the first on, a process looked at before it died or took too long."""
    pipe, quiet = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen([sys.executable, "-P", str(_SCRIPT)], stdin=pipe, stdout=pipe, stderr=quiet) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps([str(path.resolve()) for path in paths]).encode())
        process.stdin.close()
        done, answers = 0, process.stdout.fileno()
        while select.select([answers], [], [], seconds)[0]:
            heard = os.read(answers, 4096)
            if not heard:
                return done
            done += heard.count(b"\n")
        process.kill()
        return done


def _look(path: str) -> None:
    """Read every attribute and what describes every array; what raises an error does no harm."""
    import h5py

    def visit(name: str, node: Any) -> None:
        try:
            _ = {key: node.attrs[key] for key in node.attrs}
            if isinstance(node, h5py.Dataset) and not node.external and not node.is_virtual and node.shape:
                _ = node[:1]
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
        _look(given)
        sys.stdout.write("\n")
        sys.stdout.flush()
