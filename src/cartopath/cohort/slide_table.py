"""The slides of a cohort: a folder, or a table that says more about them [F07].

Nothing is opened here. What is wrong with the list (a slide twice, a file that is not there, no patient) is kept in it, for
`join_findings` to report.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pandas as pd

from cartopath.cohort.barcodes import Barcode, parse_barcode, patient_of
from cartopath.cohort.cells import is_missing, name_key
from cartopath.cohort.delimited import TextHead, read_words
from cartopath.core.errors import TableError

SLIDE_SUFFIXES = (".bif", ".dcm", ".mrxs", ".ndpi", ".scn", ".svs", ".svslide", ".tif", ".tiff", ".vms", ".vmu")
"""Files of a folder that are taken for slides; a table may name any file."""

SLIDE_COLUMNS = ("slide_id", "path", "patient_id", "mpp", "site", "exclude", "sample_type", "kind", "number")

_TABLE_COLUMNS = {
    "slide_id": ("slideid", "slide", "slidename", "imageid"),
    "path": ("path", "filename", "file", "wsi", "slidepath", "wsipath", "filepath"),
    "patient_id": ("patientid", "patient", "caseid", "case", "casesubmitterid", "bcrpatientbarcode"),
    "mpp": ("mpp", "micronsperpixel", "umperpixel"),
    "site": ("site", "tissuesourcesite", "tss", "center", "centre", "hospital"),
    "exclude": ("exclude", "excluded", "exclusion", "excludereason"),
}
_NOT_EXCLUDED = {"0", "false", "no", "keep"}
_JUST_EXCLUDED = {"1", "true", "yes", "x", "exclude", "excluded"}


def read_slides(dir: Path | str, table: Path | str | None = None) -> pd.DataFrame:
    """List the slides of a cohort.

    Args:
        dir: Folder with the slides, searched with all its subfolders; paths in the table are relative to it.
        table: CSV or TSV with any of `slide_id, path, patient_id, mpp, site, exclude` (or the names that TRIDENT, CLAM, STAMP and
            Slideflow use, or a GDC manifest). Without it every slide of the folder is listed.

    Returns:
        One row per slide, in the order of the table or of the paths:
        `slide_id` (the barcode without UUID, otherwise the file's name without suffix), `path` (str, "" where no file is found),
        `patient_id` ("" where nothing says it), `mpp` (float, NaN where the table does not state it), `site` (the barcode's
        tissue source site unless stated), `exclude` (the reason, or ""), `sample_type` (`01`, `06`, ..., "" for other names),
        `kind` (`DX`, `TS`, `BS`, `MS` or "") and `number` (Int64, NA without one).

    Raises:
        TableError: The folder or the table is not there, or the table names neither slides nor files.
    """
    folder = Path(dir)
    if not folder.is_dir():
        raise TableError(f"{folder}: no such folder of slides; check slides.dir")
    files = [path for path in sorted(folder.rglob("*")) if _is_slide(path, folder)]
    if table is None:
        return _frame([_row(path.stem, str(path), "", "", "", "") for path in files])
    return _from_table(folder, Path(table), files)


def _is_slide(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return path.suffix.lower() in SLIDE_SUFFIXES and not hidden and path.is_file()


def _from_table(folder: Path, table: Path, files: list[Path]) -> pd.DataFrame:
    head, rows = read_words(table)
    column = _columns(head, table)
    if "slide_id" not in column and "path" not in column:
        raise TableError(
            f"{table}: names neither slides nor files; call a column slide_id or path (found {', '.join(head.header[:6])})"
        )
    by_id = _by_id(files)
    found: list[dict[str, object]] = []
    for row in rows:
        cell = {name: "" if is_missing(row[index]) else row[index].strip() for name, index in column.items()}
        name = cell.get("slide_id") or Path(cell.get("path", "")).name
        if not name:
            raise TableError(f"{table}: row {len(found) + 1} names neither a slide nor a file")
        path = _resolve(cell["path"], folder, table.parent, by_id) if cell.get("path") else by_id.get(_slide_id(name), "")
        stem = cell.get("slide_id") or _stem(name)
        found.append(
            _row(
                stem, path, cell.get("patient_id", ""), cell.get("mpp", ""), cell.get("site", ""), cell.get("exclude", ""), table
            )
        )
    return _frame(found)


def _columns(head: TextHead, table: Path) -> dict[str, int]:
    keys = [name_key(name) for name in head.header]
    found = {}
    for column, names in _TABLE_COLUMNS.items():
        places = [keys.index(name) for name in names if name in keys]
        if places:
            found[column] = places[0]
    twice = {key for key in keys if key and keys.count(key) > 1} & {name for names in _TABLE_COLUMNS.values() for name in names}
    if twice:
        raise TableError(f"{table}: column {sorted(twice)[0]!r} is there twice; keep one")
    return found


def _stem(name: str) -> str:
    return Path(name).stem if Path(name).suffix.lower() in SLIDE_SUFFIXES else name


def _slide_id(name: str) -> str:
    barcode = parse_barcode(name)
    return barcode.slide_id if barcode and barcode.slide_id else _stem(name)


def _by_id(files: list[Path]) -> dict[str, str]:
    """Return slide ids and file names -> path; ids that several files have are left out."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in files:
        for name in {path.name, path.stem, _slide_id(path.name)}:
            found[name].append(str(path))
    return {name: paths[0] for name, paths in found.items() if len(paths) == 1}


def _resolve(written: str, folder: Path, beside: Path, by_id: dict[str, str]) -> str:
    """Return where a file is: as written, in the folder, beside the table, or anywhere below the folder by its name."""
    for candidate in (folder / written, beside / written):
        if candidate.exists():
            return str(candidate)
    return by_id.get(Path(written).name, str(folder / written))


def _row(name: str, path: str, patient: str, mpp: str, site: str, exclude: str, table: Path | None = None) -> dict[str, object]:
    barcode = parse_barcode(name) or parse_barcode(Path(path).name) or Barcode("", "")
    return {
        "slide_id": _slide_id(name),
        "path": path,
        "patient_id": patient_of(patient) or barcode.patient_id,
        "mpp": _mpp(mpp, name, table),
        "site": site or barcode.site,
        "exclude": _reason(exclude),
        "sample_type": barcode.sample_type,
        "kind": barcode.slide_kind,
        "number": barcode.slide_number,
    }


def _mpp(written: str, name: str, table: Path | None) -> float:
    if not written:
        return float("nan")
    try:
        return float(written)
    except ValueError as error:
        raise TableError(
            f"{table}: mpp of {name!r} is {written!r}; write micrometres per pixel such as 0.5, or leave it empty"
        ) from error


def _reason(written: str) -> str:
    if written.casefold() in _NOT_EXCLUDED:
        return ""
    return "excluded in the slide table" if written.casefold() in _JUST_EXCLUDED else written


def _frame(rows: list[dict[str, object]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(SLIDE_COLUMNS))
    return frame.astype({"mpp": "float64", "number": "Int64"})
