"""A first reading of an HDF5 file in a process of its own: the HDF5 library can crash, or never come back, on a damaged one.

This file is also the script of that process. It is kept free of imports from cartopath, so that the process starts quickly.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

_SECONDS = 60
_BYTES_PER_SECOND = 5 << 20
"""Slower than any disk that cohorts lie on."""

_BLOCK = 4_000_000
_DAMAGE = (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError, MemoryError)


def survives(path: Path, *, seconds: float | None = None) -> bool:
    """Whether a process that reads all of a file lives to its end, in time.

    Args:
        path: The file.
        seconds: Time it has; by default a minute and what its size takes.
    """
    limit = _SECONDS + path.stat().st_size / _BYTES_PER_SECOND if seconds is None else seconds
    command = [sys.executable, "-P", __file__, str(path.resolve())]
    quiet = subprocess.DEVNULL
    try:
        return subprocess.run(command, stdin=quiet, stdout=quiet, stderr=quiet, timeout=limit, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def _read_all(path: str) -> None:
    """Read every attribute and every array, block by block; what raises an error does no harm."""
    import h5py

    def visit(name: str, node: Any) -> None:
        try:
            _ = {key: node.attrs[key] for key in node.attrs}
            if isinstance(node, h5py.Dataset) and not node.external and not node.is_virtual and node.shape:
                row = max(1, node.size // max(1, node.shape[0]))
                step = max(1, _BLOCK // row)
                for start in range(0, node.shape[0], step):
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
    _read_all(sys.argv[1])
