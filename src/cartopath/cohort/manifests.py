"""GDC manifests of slides: what should have been downloaded, and what of it is on disk [F09].

Ids of files change between releases of the GDC; a manifest of years ago may name ids that no longer exist while the file, under
its name, still does.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from cartopath.cohort.barcodes import Barcode, parse_barcode
from cartopath.cohort.delimited import read_words
from cartopath.core.errors import TableError

_COLUMNS = ("id", "filename", "md5", "size", "state")


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
    manifest = pd.DataFrame(rows, columns=list(head.header))[list(_COLUMNS)]
    try:
        manifest["size"] = manifest["size"].astype("int64")
    except ValueError as error:
        raise TableError(f"{path}: a size is no whole number ({error}); fetch the manifest again") from error
    barcodes = [parse_barcode(name) or Barcode("", "") for name in manifest["filename"]]
    stems = [Path(name).stem for name in manifest["filename"]]
    manifest["slide_id"] = [barcode.slide_id or stem for barcode, stem in zip(barcodes, stems, strict=True)]
    manifest["patient_id"] = [barcode.patient_id for barcode in barcodes]
    manifest["site"] = [barcode.site for barcode in barcodes]
    manifest["sample_type"] = [barcode.sample_type for barcode in barcodes]
    manifest["kind"] = [barcode.slide_kind for barcode in barcodes]
    manifest["number"] = pd.array([barcode.slide_number for barcode in barcodes], dtype="Int64")
    return manifest


def manifest_on_disk(manifest: pd.DataFrame, dir: Path | str) -> pd.DataFrame:
    """Say of every file of a manifest whether it is below a folder, under its id or anywhere by its name.

    Args:
        manifest: From `read_manifest`.
        dir: The folder, usually as `gdc-client` left it: `<id>/<filename>`.

    Returns:
        `id, filename, path` ("" if not there) and `found`: `present`, `incomplete` (another size than the manifest says) or
        `missing`.
    """
    folder = Path(dir)
    by_name = {path.name: path for path in sorted(folder.rglob("*"), reverse=True) if path.is_file()}
    rows = []
    for id_, filename, size in manifest[["id", "filename", "size"]].itertuples(index=False):
        direct = folder / id_ / filename
        path = direct if direct.is_file() else by_name.get(filename)
        found = "missing" if path is None else "present" if path.stat().st_size == size else "incomplete"
        rows.append((id_, filename, "" if path is None else str(path), found))
    return pd.DataFrame(rows, columns=["id", "filename", "path", "found"])
