"""Places, names and columns inside an AnnData file; see `h5ad`. No link to another file is followed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cartopath.cohort.cells import name_key
from cartopath.core.errors import TableError

_MAX_NAMES = 5_000_000


def place_of(column: str | None) -> tuple[str, str]:
    """Return where the numbers are and where their variables."""
    if column in (None, "X"):
        return "X", "var"
    if column in ("raw", "raw/X", "raw.X"):
        return "raw/X", "raw/var"
    return f"layers/{str(column).removeprefix('layers/')}", "var"


def node_at(file: Any, place: str, path: Path) -> Any:
    """Return a group or data set inside the file.

    Raises:
        TableError: It is not there, or somewhere else.
    """
    import h5py

    node = file
    for part in place.split("/"):
        link = node.get(part, getlink=True) if isinstance(node, h5py.Group) else None
        if link is None:
            layers = ", ".join(file["layers"]) if "layers" in file and isinstance(file["layers"], h5py.Group) else ""
            there = f"{', '.join(file)}{'; layers: ' + layers if layers else ''}"
            raise TableError(f"{path}: no {place} in it ({there}); name one that is there, or give an AnnData file")
        if isinstance(link, h5py.ExternalLink):
            raise TableError(
                f"{path}: {place} is a link to another file ({link.filename}); write the file again with everything in it"
            )
        node = node[part]
    if isinstance(node, h5py.Dataset) and (node.external or node.is_virtual):
        raise TableError(f"{path}: {place} lies in another file; write the file again with everything in it")
    return node


def shape_of(file: Any, place: str, path: Path) -> tuple[int, int]:
    """Return samples and genes of a matrix, dense or sparse.

    Raises:
        TableError: It is no matrix, or an impossible one.
    """
    node = node_at(file, place, path)
    shape = getattr(node, "shape", None)
    if shape is None:
        said = next((node.attrs[name] for name in ("shape", "h5sparse_shape") if name in node.attrs), ())
        shape = tuple(int(size) for size in said)
    if len(shape) != 2 or min(shape) < 1 or max(shape) > _MAX_NAMES:
        raise TableError(f"{path}: {place} has the shape {tuple(shape)}; expected samples by genes")
    return int(shape[0]), int(shape[1])


def index_of(file: Any, place: str, path: Path) -> list[str]:
    """Return the names of the rows of obs or var.

    Raises:
        TableError: There are none.
    """
    frame = node_at(file, place, path)
    if hasattr(frame, "dtype"):  # Files of anndata before 0.7 hold a compound data set.
        names = frame.dtype.names or ()
        key = next((name for name in ("index", "_index") if name in names), None)
        if key is None:
            raise TableError(f"{path}: {place} has no index; not an AnnData file")
        return _words(frame[key], path, place)
    said = frame.attrs.get("_index", "_index")
    key = said.decode() if isinstance(said, bytes) else str(said)
    return _column(frame, key, path, f"{place}/{key}")


def first_column(file: Any, place: str, keys: Sequence[str], path: Path) -> list[str] | None:
    """Return the first column of obs or var whose name is one of some, as words."""
    frame = node_at(file, place, path)
    names = list(frame.dtype.names or ()) if hasattr(frame, "dtype") else [name for name in frame if not name.startswith("__")]
    by_key = {name_key(name): name for name in reversed(names)}
    found = next((by_key[key] for key in keys if key in by_key), None)
    if found is None:
        return None
    if hasattr(frame, "dtype"):
        return _words(frame[found], path, f"{place}/{found}")
    return _column(frame, found, path, f"{place}/{found}")


def _column(frame: Any, name: str, path: Path, where: str) -> list[str]:
    """Return a column as words: plain, categorical (codes and categories), or with a mask of missing values."""
    node = node_at(frame, name, path)
    if hasattr(node, "shape"):
        legacy = node.attrs.get("categories")
        if legacy is None:
            return _words(_bounded(node, path, where), path, where)
        categories = _words(_bounded(node.file[legacy], path, where), path, where)
        return _coded(_bounded(node, path, where), categories)
    if "codes" in node and "categories" in node:
        categories = _column(node, "categories", path, where)
        return _coded(_bounded(node_at(node, "codes", path), path, where), categories)
    if "values" in node:
        words = _words(_bounded(node_at(node, "values", path), path, where), path, where)
        mask = _bounded(node_at(node, "mask", path), path, where) if "mask" in node else np.zeros(len(words), dtype=bool)
        return ["" if is_masked else word for word, is_masked in zip(words, mask, strict=True)]
    raise TableError(f"{path}: {where} is stored in a way that is not known; write the file again with a current anndata")


def _bounded(node: Any, path: Path, where: str) -> NDArray[Any]:
    if node.ndim != 1 or node.shape[0] > _MAX_NAMES:
        raise TableError(f"{path}: {where} has the shape {node.shape}; expected one name for each row")
    return np.asarray(node[:])


def _coded(codes: NDArray[Any], categories: Sequence[str]) -> list[str]:
    return [categories[code] if code >= 0 else "" for code in codes.tolist()]


def _words(column: NDArray[Any], path: Path, where: str) -> list[str]:
    words = []
    for cell in column.tolist():
        if isinstance(cell, bytes):
            words.append(cell.decode("utf-8", errors="replace").strip())
        elif isinstance(cell, str | int | float):
            words.append(str(cell).strip())
        else:
            raise TableError(f"{path}: {where} holds {type(cell).__name__}, not words")
    return words
