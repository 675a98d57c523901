"""The files that a command was given: which there are, whose, how fine and how large each is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cartopath.cohort import read_slides
from cartopath.cohort.barcodes import parse_barcode
from cartopath.cohort.cells import is_missing, name_key
from cartopath.cohort.delimited import read_words
from cartopath.cohort.slide_lists.slide_files import slide_stem
from cartopath.core.errors import ResolutionError, SlideError, TableError
from cartopath.core.locations import as_path
from cartopath.slides import open_slide


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A file that can be opened.

    Attributes:
        slide_id: Its name.
        patient_id: Whose tissue, "" where nothing says it.
        path: The file.
        mpp: Micrometres per level-0 pixel.
        side_um: Its longer side.
        source: Name of what it was given with: the folder or the file itself, without suffix.
        core_id: Which piece of tissue it shows, where a table says so.
        style: Its stain or scanner, where a table says so.
    """

    slide_id: str
    patient_id: str
    path: Path
    mpp: float
    side_um: float
    source: str
    core_id: str = ""
    style: str = ""


def list_files(
    inputs: Sequence[Path], *, table: Path | None = None, mpp: float | None = None, assume_mpp: float | None = None
) -> list[Listed]:
    """Return the files of inputs, each opened once.

    Args:
        inputs: Files, and folders of them.
        table: A slide table (docs/inputs.md), which says patients and resolutions, and may have columns `core_id` and `style`.
        mpp: Micrometres per pixel of all files, whatever they say.
        assume_mpp: Of those that do not say theirs.

    Raises:
        SlideError: There is no file, or one cannot be opened.
        ResolutionError: Nobody knows the micrometres per pixel of one.
        TableError: The table cannot be read, or names files that are not there.
    """
    return [_opened(row, mpp, assume_mpp) for row in _all_rows(inputs, table)]


def list_readable(
    inputs: Sequence[Path | str], *, table: Path | None = None, mpp: float | None = None, assume_mpp: float | None = None
) -> tuple[list[Listed], list[str]]:
    """Return the files that can be opened, and of the others why not, as sentences.

    Raises:
        SlideError: There is no file, or none that can be opened.
        TableError: The table cannot be read, or names files that are not there.
    """
    listed: list[Listed] = []
    failed: list[str] = []
    for row in _all_rows(inputs, table):
        try:
            listed.append(_opened(row, mpp, assume_mpp))
        except (SlideError, ResolutionError) as error:
            failed.append(str(error))
    if not listed:
        raise SlideError(f"none of {len(failed)} files can be used; the first: {failed[0]}")
    return listed, failed


def _all_rows(inputs: Sequence[Path | str], table: Path | None) -> list[dict[str, str | float]]:
    rows = [row for given in inputs for row in _rows(as_path(given), table)]
    if not rows:
        raise SlideError(f"no slide or picture in {', '.join(map(str, inputs))}")
    return rows


def _rows(given: Path, table: Path | None) -> list[dict[str, str | float]]:
    if not given.is_dir():
        name = slide_stem(given.name)
        known = _of_table(given.parent, table, only=name) if table is not None else []
        barcode = parse_barcode(name)
        alone: dict[str, str | float] = {
            "slide_id": name,
            "patient_id": barcode.patient_id if barcode else "",
            "path": str(given),
            "mpp": math.nan,
            "core_id": "",
            "style": "",
            "source": name,
        }
        return known or [alone]
    if table is not None:
        return [{**row, "source": given.name} for row in _of_table(given, table)]
    listed = read_slides(given)
    used = listed[(listed["exclude"] == "") & (listed["path"] != "")]
    return [{**_plain(row), "core_id": "", "style": "", "source": given.name} for row in used.to_dict("records")]


def _of_table(folder: Path, table: Path | None, *, only: str | None = None) -> list[dict[str, str | float]]:
    """The rows of a slide table whose files are in a folder, or whose file has a name."""
    assert table is not None
    listed = read_slides(folder, table)
    head, rows = read_words(table)
    keys = [name_key(name) for name in head.header]
    more = {
        column: [_cell(row, keys, column) for row in rows] if len(rows) == len(listed) else [""] * len(listed)
        for column in ("core_id", "style")
    }
    listed = listed.assign(**more)
    missing = listed[(listed["exclude"] == "") & (listed["on_disk"] != "present")]
    if only is not None:
        listed = listed[listed["path"].map(lambda path: slide_stem(Path(path).name)) == only]
    elif len(missing) == len(listed) and len(listed):
        raise TableError(f"{table}: none of its {len(listed)} files is in {folder}; check the names")
    used = listed[(listed["exclude"] == "") & (listed["on_disk"] == "present")]
    return [
        {**_plain(row), "core_id": str(row["core_id"]), "style": str(row["style"]), "source": str(row["slide_id"])}
        for row in used.to_dict("records")
    ]


def _cell(row: Sequence[str], keys: Sequence[str], column: str) -> str:
    key = name_key(column)
    return "" if key not in keys or is_missing(row[keys.index(key)]) else row[keys.index(key)].strip()


def _plain(row: dict[str, object]) -> dict[str, str | float]:
    texts: dict[str, str | float] = {name: str(row[name]) for name in ("slide_id", "patient_id", "path")}
    mpp = row["mpp"]
    return texts | {"mpp": float(mpp) if isinstance(mpp, int | float) and not pd.isna(mpp) else math.nan}


def _opened(row: dict[str, str | float], mpp: float | None, assume_mpp: float | None) -> Listed:
    own = float(row["mpp"])
    stated = mpp if mpp is not None else None if math.isnan(own) else own
    with open_slide(as_path(str(row["path"])), mpp=stated, assume_mpp=assume_mpp) as slide:
        size = slide.dimensions_px0
        return Listed(
            slide_id=str(row["slide_id"]),
            patient_id=str(row["patient_id"]),
            path=slide.path,
            mpp=slide.mpp,
            side_um=max(size.width, size.height) * slide.mpp,
            source=str(row["source"]),
            core_id=str(row["core_id"]),
            style=str(row["style"]),
        )
