"""Rows of a dense, CSR or CSC matrix inside an AnnData file; see `h5ad`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cartopath.cohort.matrices.h5ad_names import node_at
from cartopath.core.errors import TableError

_MAX_TURNED = 200_000_000
"""Cells of a CSC matrix that is held whole to be read by rows."""


def dense_rows(node: Any, start: int, stop: int) -> NDArray[np.float64]:
    """Return some rows of a dense matrix, float64 (stop - start, n_genes)."""
    block = node[start:stop]
    if block.dtype.kind not in "iufb":
        raise TypeError(f"X holds {block.dtype}, not numbers")
    return np.asarray(block, dtype=np.float64)


def sparse_rows(node: Any, shape: tuple[int, int], path: Path) -> Any:
    """Return a function that gives rows of a CSR or CSC matrix."""
    said = node.attrs.get("encoding-type", node.attrs.get("h5sparse_format", b""))
    kind = said.decode() if isinstance(said, bytes) else str(said)
    data, indices, indptr = (node_at(node, part, path) for part in ("data", "indices", "indptr"))
    is_csc = kind.startswith("csc")
    if not is_csc and not kind.startswith("csr"):
        raise TableError(f"{path}: a matrix stored as {kind!r}; write it dense, as csr_matrix or as csc_matrix")
    n_major, n_minor = shape[::-1] if is_csc else shape
    if indptr.shape != (n_major + 1,) or data.shape != indices.shape or data.dtype.kind not in "iufb":
        raise TableError(f"{path}: a sparse matrix whose parts do not fit together; the file is damaged")
    starts = np.asarray(indptr[:], dtype=np.int64)
    if starts[0] != 0 or np.any(np.diff(starts) < 0) or starts[-1] > data.shape[0]:
        raise TableError(f"{path}: a sparse matrix whose parts do not fit together; the file is damaged")

    def rows(_: Any, start: int, stop: int) -> NDArray[np.float64]:
        dense = np.zeros((stop - start, n_minor))
        first, last = int(starts[start]), int(starts[stop])
        minor = _checked(indices[first:last], n_minor)
        major = np.repeat(np.arange(stop - start), np.diff(starts[start : stop + 1]))
        np.add.at(dense, (major, minor), data[first:last])
        return dense

    if not is_csc:
        return rows
    whole: list[NDArray[np.float64]] = []

    def transposed(_: Any, start: int, stop: int) -> NDArray[np.float64]:
        if not whole:
            whole.append(_from_columns(starts, indices, data, n_minor))
        return whole[0][start:stop]

    return transposed


def _from_columns(starts: NDArray[np.int64], indices: Any, data: Any, n_rows: int) -> NDArray[np.float64]:
    """Return a CSC matrix as float64 (rows, columns)."""
    n_columns = len(starts) - 1
    if n_rows * n_columns > _MAX_TURNED:
        raise ValueError("a csc_matrix too large to turn; write it as csr_matrix")
    dense = np.zeros((n_rows, n_columns))
    end = int(starts[-1])
    np.add.at(dense, (_checked(indices[:end], n_rows), np.repeat(np.arange(n_columns), np.diff(starts))), data[:end])
    return dense


def _checked(indices: NDArray[Any], size: int) -> NDArray[np.int64]:
    places = np.asarray(indices, dtype=np.int64)
    if len(places) and (places.min() < 0 or places.max() >= size):
        raise ValueError("an index lies outside the matrix")
    return places
