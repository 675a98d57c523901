"""Networks and other named arrays as safetensors: plain numbers with names, which cannot run code when read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from cartopath.core.errors import ArtifactError
from cartopath.store.atomic import write_bytes


def write_arrays(arrays: Mapping[str, NDArray[Any]], path: Path | str) -> None:
    """Write named arrays to one safetensors file. Equal arrays give equal bytes."""
    write_bytes(path, save({name: np.asarray(arrays[name], order="C") for name in sorted(arrays)}))


def read_arrays(path: Path | str) -> dict[str, NDArray[Any]]:
    """Read what `write_arrays` wrote.

    Raises:
        ArtifactError: The file is missing or damaged.
    """
    path = Path(path)
    try:
        arrays: dict[str, NDArray[Any]] = load(path.read_bytes())
    except FileNotFoundError as error:
        raise ArtifactError(f"{path}: no such weights") from error
    except (SafetensorError, KeyError, ValueError) as error:
        raise ArtifactError(f"{path}: damaged safetensors file ({error})") from error
    return arrays
