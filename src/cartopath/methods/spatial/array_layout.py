"""Sections of the first spatial arrays: `counts/<name>.tsv.gz`, `spots/<name>_selection.tsv` and `images/<name>.jpg`.

Rows of counts are spots called '10x12' by their place on the array; the table of spots has that place as x and y, and the
centres in the picture as pixel_x and pixel_y.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cartopath.core.errors import TableError
from cartopath.methods.spatial.section import Section, checked

PITCH_UM = 200.0
_TABLES = (".tsv.gz", ".csv.gz", ".tsv", ".csv", ".txt.gz", ".txt")
_IMAGES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".svs", ".ndpi")
_COLUMNS = ["x", "y", "pixel_x", "pixel_y"]


def is_array_folder(folder: Path) -> bool:
    """Whether a folder has the three folders of this layout."""
    return all((folder / name).is_dir() for name in ("counts", "spots", "images"))


def read_array_folder(folder: Path, *, only: Sequence[str] = (), pitch_um: float | None = None) -> list[Section]:
    """Return every section of a folder, by name.

    Raises:
        TableError: There is none, or one has no table of spots, no picture, or cannot be read.
    """
    tables = {_stem(path): path for path in sorted((folder / "counts").iterdir()) if path.name.endswith(_TABLES)}
    if not tables:
        raise TableError(f"{folder / 'counts'}: no tables of counts ({', '.join(_TABLES)})")
    return [_read(folder, name, path, pitch_um or PITCH_UM) for name, path in tables.items() if not only or name in only]


def _read(folder: Path, name: str, path: Path, pitch_um: float) -> Section:
    spots_path = _beside(folder / "spots", name, [f"{stem}{end}" for stem in (f"{name}_selection", name) for end in _TABLES])
    image = _beside(folder / "images", name, [f"{name}{end}" for end in _IMAGES])
    counts, spots = read_matrix(path), _read_spots(spots_path)
    known = [spot for spot in spots.index if spot in counts.index]
    if not known:
        raise TableError(
            f"{path}: none of its rows ({', '.join(map(str, counts.index[:3]))}, ...) is a spot of {spots_path.name} "
            f"({', '.join(spots.index[:3])}, ...); rows must be spots, named by array x and y"
        )
    found = spots.loc[known]
    n_without = len(spots) - len(known)
    notes = (f"{n_without} spots have no counts",) if n_without else ()
    section = Section(
        name, image, counts.loc[known], found[["x", "y"]].round().to_numpy(float), found[_COLUMNS[2:]].to_numpy(float), pitch_um,
        notes=notes,
    )  # fmt: skip
    return checked(section, where=path)


def _read_spots(path: Path) -> pd.DataFrame:
    spots = read_words(path)
    missing = [column for column in _COLUMNS if column not in spots.columns]
    if missing:
        raise TableError(f"{path}: no column {missing[0]!r}; it has {', '.join(map(str, spots.columns[:8]))}")
    numbers = spots[_COLUMNS].apply(pd.to_numeric, errors="coerce")
    if not np.isfinite(numbers.to_numpy(float)).all():
        raise TableError(f"{path}: x, y, pixel_x and pixel_y must be numbers in every row")
    numbers.index = pd.Index([f"{int(x)}x{int(y)}" for x, y in zip(numbers["x"], numbers["y"], strict=True)])
    return numbers[~numbers.index.duplicated()]


def read_matrix(path: Path) -> pd.DataFrame:
    """Return a table of numbers with names in its first column and its first row.

    Raises:
        TableError: It cannot be read, or holds something else than numbers.
    """
    table = read_words(path, index_col=0)
    if not all(np.issubdtype(kind, np.number) for kind in table.dtypes):
        odd = next(column for column, kind in table.dtypes.items() if not np.issubdtype(kind, np.number))
        raise TableError(f"{path}: column {odd!r} holds something else than numbers")
    table.index, table.columns = table.index.map(str), table.columns.map(str)
    return table


def read_words(path: Path, *, index_col: int | None = None) -> pd.DataFrame:
    """Return a delimited table, tabs unless its name says commas; see `pandas.read_csv`.

    Raises:
        TableError: It cannot be read.
    """
    separator = "," if ".csv" in path.suffixes else "\t"
    try:
        return pd.read_csv(path, sep=separator, index_col=index_col)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise TableError(f"{path}: cannot be read as a table: {error}") from error


def _beside(folder: Path, name: str, candidates: Sequence[str]) -> Path:
    for candidate in candidates:
        if (folder / candidate).is_file():
            return folder / candidate
    raise TableError(f"{folder}: nothing for section {name!r}; looked for {', '.join(candidates)}")


def _stem(path: Path) -> str:
    return next(path.name.removesuffix(end) for end in _TABLES if path.name.endswith(end))
