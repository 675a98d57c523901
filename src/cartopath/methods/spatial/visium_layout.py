"""Visium folders as Space Ranger leaves them: a matrix of counts, `spatial/tissue_positions*.csv`, and a picture.

The picture is the only full-resolution one that lies in the folder; without one, `spatial/tissue_hires_image.png` stands in.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cartopath.core.errors import TableError
from cartopath.methods.spatial.section import Section, checked

PITCH_UM = 100.0
_COLUMNS = ["barcode", "in_tissue", "array_row", "array_col", "pxl_row_in_fullres", "pxl_col_in_fullres"]
_IMAGES = (".tif", ".tiff", ".jpg", ".jpeg", ".png", ".svs", ".ndpi")


def is_visium_folder(folder: Path) -> bool:
    """Whether a folder has positions of spots as Space Ranger writes them."""
    return _positions(folder) is not None


def read_visium_folder(folder: Path, *, pitch_um: float | None = None) -> Section:
    """Return the section of a Visium folder: spots under tissue, called by their barcodes.

    Raises:
        TableError: Something is missing or cannot be read.
    """
    path = _positions(folder)
    if path is None:
        raise TableError(f"{folder}: no spatial/tissue_positions.csv")
    positions, (counts, where) = _read_positions(path), _read_counts(folder)
    known = [barcode for barcode in positions.index if barcode in counts.index]
    if not known:
        raise TableError(f"{where}: none of its barcodes ({counts.index[0]}, ...) is a spot under tissue of {path.name}")
    found = positions.loc[known]
    image, scale = _picture(folder)
    grid = np.column_stack([found["array_col"] / 2, found["array_row"] * np.sqrt(3) / 2])
    centres = found[["pxl_col_in_fullres", "pxl_row_in_fullres"]].to_numpy(float) * scale
    return checked(Section(folder.name, image, counts.loc[known], grid, centres, pitch_um or PITCH_UM), where=where)


def _positions(folder: Path) -> Path | None:
    names = ("tissue_positions.csv", "tissue_positions_list.csv")
    return next((folder / "spatial" / name for name in names if (folder / "spatial" / name).is_file()), None)


def _read_positions(path: Path) -> pd.DataFrame:
    try:
        words = pd.read_csv(path, header=None, dtype=str)
    except (OSError, ValueError) as error:
        raise TableError(f"{path}: cannot be read as a table: {error}") from error
    if words.shape[1] != len(_COLUMNS):
        raise TableError(f"{path}: {words.shape[1]} columns; expected {', '.join(_COLUMNS)}")
    rows = words.iloc[1:] if words.iloc[0, 0] == _COLUMNS[0] else words
    numbers = rows.iloc[:, 1:].apply(pd.to_numeric, errors="coerce")
    if numbers.isna().to_numpy().any():
        raise TableError(f"{path}: everything after the barcode must be a number")
    table = numbers.set_axis(_COLUMNS[1:], axis=1).set_axis(pd.Index(rows.iloc[:, 0]), axis=0)
    return table[table["in_tissue"] == 1]


def _read_counts(folder: Path) -> tuple[pd.DataFrame, Path]:
    files = sorted(folder.glob("*filtered_feature_bc_matrix.h5"))
    if files:
        return _from_h5(files[0]), files[0]
    matrix = folder / "filtered_feature_bc_matrix"
    if matrix.is_dir():
        return _from_folder(matrix), matrix
    raise TableError(f"{folder}: no filtered_feature_bc_matrix.h5 and no folder of that name")


def _from_h5(path: Path) -> pd.DataFrame:
    import h5py
    from scipy.sparse import csc_matrix

    try:
        with h5py.File(path, "r") as file:
            node: Any = file["matrix"]
            parts = tuple(node[name][:] for name in ("data", "indices", "indptr"))
            matrix = csc_matrix(parts, shape=tuple(node["shape"][:]))
            genes, barcodes = ([word.decode() for word in node[name][:]] for name in ("features/name", "barcodes"))
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise TableError(f"{path}: not a matrix as Space Ranger writes it: {error}") from error
    return _table(matrix, genes, barcodes, path)


def _from_folder(folder: Path) -> pd.DataFrame:
    from scipy.io import mmread

    try:
        matrix = mmread(_either(folder, "matrix.mtx"))
        genes, barcodes = (pd.read_csv(_either(folder, name), sep="\t", header=None) for name in ("features.tsv", "barcodes.tsv"))
    except (OSError, EOFError, ValueError) as error:
        raise TableError(f"{folder}: not a matrix as Space Ranger writes it: {error}") from error
    names = genes.iloc[:, 1 if genes.shape[1] > 1 else 0]
    return _table(matrix.tocsc(), names.astype(str).tolist(), barcodes.iloc[:, 0].astype(str).tolist(), folder)


def _either(folder: Path, name: str) -> Path:
    packed = folder / f"{name}.gz"
    return packed if packed.is_file() else folder / name


def _table(matrix: Any, genes: list[str], barcodes: list[str], path: Path) -> pd.DataFrame:
    """Return counts as spots x genes; rows of one name are added up."""
    if matrix.shape != (len(genes), len(barcodes)):
        raise TableError(f"{path}: the matrix is {matrix.shape}, with {len(genes)} features and {len(barcodes)} barcodes")
    if np.issubdtype(matrix.dtype, np.integer):
        matrix = matrix.astype(np.int32)  # a whole transcriptome at every spot: half the memory
    table = pd.DataFrame(matrix.T.toarray(), index=barcodes, columns=genes)
    return table if table.columns.is_unique else table.T.groupby(level=0, sort=False).sum().T


def _picture(folder: Path) -> tuple[Path, float]:
    """Return the picture and its pixels per full-resolution pixel."""
    full = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in _IMAGES]
    if len(full) > 1:
        raise TableError(
            f"{folder}: several pictures ({', '.join(path.name for path in full)}); leave the full-resolution one only"
        )
    if full:
        return full[0], 1.0
    small, factors = folder / "spatial" / "tissue_hires_image.png", folder / "spatial" / "scalefactors_json.json"
    if not small.is_file() or not factors.is_file():
        raise TableError(
            f"{folder}: no full-resolution picture, and no spatial/tissue_hires_image.png with scalefactors_json.json"
        )
    try:
        return small, float(json.loads(factors.read_text())["tissue_hires_scalef"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TableError(f"{factors}: no tissue_hires_scalef: {error}") from error
