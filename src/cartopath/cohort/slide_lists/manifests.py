"""GDC manifests and sample sheets: what should have been downloaded, and what of it is on disk [F09].

Ids of files change between releases of the GDC; a manifest of years ago may name ids that no longer exist while the file, under
its name, still does.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cartopath.cohort.barcodes import Barcode, parse_barcode, patient_of, sample_type_code
from cartopath.cohort.cells import is_missing
from cartopath.cohort.delimited import TextHead, read_words
from cartopath.cohort.slide_lists.slide_files import walk_files
from cartopath.core.errors import TableError
from cartopath.core.locations import as_path, is_remote

_COLUMNS = ("id", "filename", "md5", "size", "state")
_SHEET_COLUMNS = ("File ID", "File Name", "Case ID")


def read_manifest(path: Path | str) -> pd.DataFrame:
    """Read a GDC manifest.

    Returns:
        One row per file in its order: `id, filename, md5, size` (int), `state`, and from the barcode in the name `slide_id,
        patient_id, site, sample_type, kind, number` as in `read_slides`, so that `patient_slides` takes it too.

    Raises:
        TableError: It is no manifest, or a size is no number.
    """
    path = Path(path)
    head, rows = read_words(path)
    missing = [name for name in _COLUMNS if name not in head.header]
    if missing:
        raise TableError(f"{path}: not a GDC manifest: no column {', '.join(missing)} (found {', '.join(head.header[:6])})")
    manifest = _cells(head, rows, _COLUMNS)
    manifest["size"] = _sizes(manifest["size"], path)
    barcodes = [parse_barcode(name) or Barcode("", "") for name in manifest["filename"]]
    stems = [Path(name).stem for name in manifest["filename"]]
    manifest["slide_id"] = [barcode.slide_id or stem for barcode, stem in zip(barcodes, stems, strict=True)]
    manifest["patient_id"] = [barcode.patient_id for barcode in barcodes]
    manifest["site"] = [barcode.site for barcode in barcodes]
    manifest["sample_type"] = [barcode.sample_type for barcode in barcodes]
    manifest["kind"] = [barcode.slide_kind for barcode in barcodes]
    manifest["number"] = pd.array([barcode.slide_number for barcode in barcodes], dtype="Int64")
    return manifest


def is_gdc_list(header: Sequence[str]) -> bool:
    """Whether a header is that of a GDC manifest or of a GDC sample sheet."""
    return set(_COLUMNS) <= set(header) or set(_SHEET_COLUMNS) <= set(header)


def gdc_list(head: TextHead, rows: list[list[str]]) -> pd.DataFrame:
    """Return the files of a GDC manifest or sample sheet, one row each in its order.

    Returns:
        `id, filename, size` (Int64, NA in a sample sheet), `patient_id` and `sample_type` ("" in a manifest).

    Raises:
        TableError: A size is no number.
    """
    if set(_COLUMNS) <= set(head.header):
        files = _cells(head, rows, ("id", "filename", "size"))
        files["size"] = _sizes(files["size"], head.path).astype("Int64")
        return files.assign(patient_id="", sample_type="")
    files = _cells(head, rows, _SHEET_COLUMNS).set_axis(["id", "filename", "patient_id"], axis=1)
    files["patient_id"] = [_first_patient(cell) for cell in files["patient_id"]]
    files["size"] = pd.array([None] * len(files), dtype="Int64")
    types = [_cells(head, rows, (name,))[name] if name in head.header else None for name in ("Sample Type", "Tumor Descriptor")]
    files["sample_type"] = next(([sample_type_code(word) for word in cells] for cells in types if cells is not None), "")
    return files[["id", "filename", "size", "patient_id", "sample_type"]]


def _first_patient(cell: str) -> str:
    """Return the one patient of a cell; a file of several samples names its patient once for each."""
    patients = {patient_of(part) for part in cell.split(",")}
    return patients.pop() if len(patients) == 1 and not is_missing(cell) else ""


def _cells(head: TextHead, rows: list[list[str]], columns: Sequence[str]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=list(head.header), dtype=object)[list(columns)]
    return table.apply(lambda column: column.str.strip())


def _sizes(written: pd.Series, path: Path) -> pd.Series:
    try:
        return written.astype("int64")
    except (ValueError, OverflowError) as error:
        raise TableError(f"{path}: a size is no whole number ({error}); fetch the manifest again") from error


def manifest_on_disk(manifest: pd.DataFrame, dir: Path | str) -> pd.DataFrame:
    """Say of every file of a manifest whether it is below a folder, under its id or anywhere by its name.

    Args:
        manifest: From `read_manifest` or `gdc_list`.
        dir: The folder, usually as `gdc-client` left it: `<id>/<filename>`.

    Returns:
        `id, filename, path` ("" if not there) and `found`: `present`, `incomplete` (another size than the manifest says, or a
        download that `gdc-client` did not finish) or `missing`.

    Raises:
        TableError: The folder cannot be listed.
    """
    folder = as_path(dir)
    files = [path for path in walk_files(folder) if is_remote(path) or path.is_file()]
    by_name, by_place = {path.name: path for path in reversed(files)}, {str(path): path for path in files}
    rows = []
    for id_, filename, size in manifest[["id", "filename", "size"]].itertuples(index=False):
        path = by_place.get(str(folder / id_ / filename)) or by_name.get(filename)
        if path is not None:
            is_whole = is_remote(path) or pd.isna(size) or path.stat().st_size == size
            found = "present" if is_whole else "incomplete"
        else:
            found = "incomplete" if f"{filename}.partial" in by_name else "missing"
        rows.append((id_, filename, "" if path is None else str(path), found))
    return pd.DataFrame(rows, columns=["id", "filename", "path", "found"])
