"""The slides of a cohort: a folder, or a table that says more about them [F07].

No slide is opened here. What is wrong with the list (a slide twice, a file that is not there, no patient) is kept in it, for
`join_findings` to report.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cartopath.cohort.barcodes import Barcode, parse_barcode, patient_of
from cartopath.cohort.delimited import TextHead, read_words
from cartopath.cohort.slide_lists.manifests import gdc_list, is_gdc_list, manifest_on_disk
from cartopath.cohort.slide_lists.slide_columns import SlideColumns
from cartopath.cohort.slide_lists.slide_files import SLIDE_SUFFIXES, SlideFile, slide_files, slide_stem
from cartopath.cohort.slide_lists.slide_lookup import (
    AMBIGUOUS,
    MISSING,
    PRESENT,
    REMOTE,
    SlideLookup,
    is_file,
    last_part,
    slide_id_of,
)
from cartopath.core.errors import TableError
from cartopath.core.locations import as_path, is_remote, is_url

SLIDE_COLUMNS = ("slide_id", "path", "patient_id", "mpp", "site", "exclude", "sample_type", "kind", "number", "on_disk")


def read_slides(dir: Path | str, table: Path | str | None = None, *, pattern: str | None = None) -> pd.DataFrame:
    """List the slides of a cohort.

    Args:
        dir: Folder with the slides, or its URL, searched with all its subfolders; paths in the table are relative to it. A table
            of nothing but URLs needs none.
        table: CSV, TSV or XLSX with any of `slide_id, path, patient_id, mpp, site, exclude` (or the names that TRIDENT, CLAM,
            STAMP, Slideflow and others use; see `slide_columns`), a GDC manifest or a GDC sample sheet. Slides may be named
            with or without suffix and folders. Without a table every slide of the folder is listed.
        pattern: Which files of the folder are slides, such as `*.svs`. Without it those with a slide's suffix are; pictures (PNG,
            JPEG) only where a table names them or the folder holds nothing else.

    Returns:
        One row per slide, in the order of the table or of the paths:
        `slide_id` (the barcode without UUID, otherwise the file's name without suffix), `path` (str, "" where no file is found),
        `patient_id` ("" where nothing says it), `mpp` (float, NaN where the table does not state it), `site` (the barcode's
        tissue source site unless stated), `exclude` (the reason, or ""; masks and the like that lie beside slides are listed
        with the reason unless a table names them), `sample_type` (`01`, `06`, ..., "" for other names), `kind` (`DX`, `TS`, `BS`,
        `MS` or ""), `number` (Int64, NA without one) and `on_disk` (`present`, `missing`, `several files` where a name does not
        say which, `incomplete` where a manifest states another size, `at a URL` where the table gives one).

    Raises:
        TableError: The folder or the table is not there, the table names no slides, or nothing matches the pattern.
    """
    folder = as_path(dir)
    if table is None:
        _require_folder(folder)
        return _frame([_of_file(file, folder) for file in slide_files(folder, pattern)])
    head, rows = read_words(Path(table))
    if is_gdc_list(head.header) or not _names_urls_only(head, rows):
        _require_folder(folder)
    entries = _gdc(head, rows, folder) if is_gdc_list(head.header) else _stated(head, rows, folder, pattern)
    return _frame([_row(entry) for entry in entries])


def _require_folder(folder: Path) -> None:
    if not is_remote(folder) and not folder.is_dir():
        raise TableError(f"{folder}: no such folder of slides; check slides.dir")


def _names_urls_only(head: TextHead, rows: list[list[str]]) -> bool:
    columns = SlideColumns.of(head)
    return all(is_url(cells["path"] or cells["slide_id"]) for cells in map(columns.cells, rows))


@dataclass(frozen=True)
class _Entry:
    """What is known of one slide before its barcode is read."""

    name: str
    path: str
    on_disk: str
    patient: str = ""
    mpp: float = float("nan")
    site: str = ""
    exclude: str = ""
    sample_type: str = ""


def _of_file(file: SlideFile, folder: Path) -> dict[str, object]:
    on_disk = PRESENT if is_remote(file.path) or file.path.is_file() else MISSING  # A link that leads nowhere.
    if not file.exclude:
        return _row(_Entry(_name(file, folder), str(file.path), on_disk))
    safe = str(file.path).encode(errors="replace").decode()
    row = _row(_Entry(file.stem, safe if on_disk == PRESENT else "", on_disk, exclude=file.exclude))
    return {**row, "slide_id": slide_stem(Path(safe).name)}  # A mask has its slide's barcode, and is not the slide.


def _name(file: SlideFile, folder: Path) -> str:
    """Return the name that a file gives its slide; levels of a DICOM series are named by their slide or their folder."""
    barcode = parse_barcode(file.container)
    if barcode and barcode.slide_id:
        return barcode.slide_id
    alone = file.path.parent.name in file.names and file.path.parent != folder
    return file.path.parent.name if alone and len(file.names) > 1 else file.stem


def _stated(head: TextHead, rows: list[list[str]], folder: Path, pattern: str | None) -> Iterator[_Entry]:
    columns = SlideColumns.of(head)
    files = slide_files(folder, pattern, with_pictures=True) if is_remote(folder) or folder.is_dir() else []
    lookup = SlideLookup(files, (folder, head.path.parent))
    for number, row in enumerate(rows, start=1):
        cells = columns.cells(row)
        name = last_part(cells["slide_id"]) or last_part(cells["path"])
        if not name:
            raise TableError(f"{head.path}: row {number} names neither a slide nor a file")
        found = [lookup.find(cells[column]) for column in ("path", "slide_id") if cells[column]]
        best = next((located for located in found if located.path), found[0])
        path = best.path or (str(folder / cells["path"]) if cells["path"] else "")
        yield _Entry(
            name=slide_stem(name),
            path=path,
            on_disk=best.on_disk if best.on_disk in (AMBIGUOUS, REMOTE) or is_file(as_path(path)) else MISSING,
            patient=cells["patient_id"],
            mpp=columns.mpp(cells, slide_stem(name)),
            site=cells["site"],
            exclude=columns.exclusion(cells),
        )


def _gdc(head: TextHead, rows: list[list[str]], folder: Path) -> Iterator[_Entry]:
    files = gdc_list(head, rows)
    found = manifest_on_disk(files, folder)
    listed = zip(files["filename"], files["patient_id"], files["sample_type"], found["path"], found["found"], strict=True)
    for filename, patient, sample_type, path, on_disk in listed:
        suffix = Path(filename).suffix.lower()
        exclude = "" if suffix in SLIDE_SUFFIXES else f"no slide by its name ({suffix or 'no suffix'})"
        yield _Entry(slide_stem(filename), path, on_disk, patient=patient, exclude=exclude, sample_type=sample_type)


def _row(entry: _Entry) -> dict[str, object]:
    barcode = parse_barcode(entry.name) or parse_barcode(last_part(entry.path)) or Barcode("", "")
    return {
        "slide_id": slide_id_of(entry.name),
        "path": entry.path,
        "patient_id": patient_of(entry.patient) or barcode.patient_id,
        "mpp": entry.mpp,
        "site": entry.site or barcode.site,
        "exclude": entry.exclude,
        "sample_type": barcode.sample_type or entry.sample_type,
        "kind": barcode.slide_kind,
        "number": barcode.slide_number,
        "on_disk": entry.on_disk,
    }


def _frame(rows: list[dict[str, object]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(SLIDE_COLUMNS))
    return frame.astype({"mpp": "float64", "number": "Int64"})
