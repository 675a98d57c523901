"""Access to feature files in HDF5: opened with one message for every kind of damage, and read from within the file alone."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import ArtifactError

_DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, OverflowError, MemoryError)
"""What h5py raises where a file's structure is not what it says it is."""


@contextlib.contextmanager
def opened(path: Path) -> Generator[Any, None, None]:
    """Open a file; what it raises on damage becomes one message.

    Raises:
        ArtifactError: It is damaged.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            yield file
    except ArtifactError:
        raise
    except _DAMAGE as error:
        raise ArtifactError(
            f"{path}: not readable features ({' '.join(str(error).split())}); copy the file again, or compute its features again"
        ) from error


def is_dataset(group: Any, name: str) -> bool:
    """Whether a group holds a data set of that name itself, not a link to somewhere else."""
    import h5py

    return name in group and isinstance(group.get(name, getlink=True), h5py.HardLink) and isinstance(group[name], h5py.Dataset)


def is_group(group: Any, name: str) -> bool:
    """Whether a group holds another one of that name itself."""
    import h5py

    return name in group and isinstance(group.get(name, getlink=True), h5py.HardLink) and isinstance(group[name], h5py.Group)


def array_of(group: Any, name: str, path: Path) -> NDArray[Any]:
    """Return a data set that lies in the file itself, without the batch axis of length 1 that some programs write."""
    if not is_dataset(group, name) or group[name].external or group[name].is_virtual:
        raise ArtifactError(f"{path}: its data set {name} is missing, or lies in another file")
    array: NDArray[Any] = np.asarray(group[name][()])
    if array.ndim == 3 and len(array) == 1:
        array = array[0]
    return array.astype(np.float32) if array.dtype == np.float64 and name not in ("coords",) else array


def locate_contiguous(path: Path) -> tuple[int, np.dtype[Any], tuple[int, int]]:
    """Return where the features of a file lie in it: the first byte, their type and their shape.

    Raises:
        ArtifactError: It is damaged, or they lie in chunks or in another file.
    """
    with opened(path) as file:
        data = file["features"] if is_dataset(file, "features") else None
        offset = None if data is None or data.external or data.is_virtual else data.id.get_offset()
        if data is None or offset is None or data.ndim != 2:
            raise ArtifactError(
                f"{path}: its features do not lie in one piece; read them with `read_features`, or write them anew with "
                "`write_trident`"
            )
        return int(offset), data.dtype, (int(data.shape[0]), int(data.shape[1]))


def text_of(value: Any) -> str:
    """Return an attribute as text, "" where there is none."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", errors="replace")
    return "" if value is None or str(value) == "None" else str(value)


def number_of(value: Any) -> float | None:
    """Return an attribute as a positive number, None where it is none."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) and number > 0 else None


def whole_of(value: Any) -> int | None:
    """Return an attribute as a positive whole number, None where it is none."""
    number = number_of(value)
    return None if number is None else round(number)
