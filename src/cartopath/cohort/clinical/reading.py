"""Reading clinical tables: each recognised by its content, several joined by patient [F12]."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cartopath.cohort.clinical.folders import clinical_files
from cartopath.cohort.clinical.layout import ClinicalFormat
from cartopath.cohort.clinical.patients import PatientWords, join, one_row_per_patient
from cartopath.cohort.clinical.registry import clinical_format
from cartopath.cohort.clinical.table import Clinical, typed
from cartopath.cohort.delimited import read_words
from cartopath.core.errors import TableError


def read_clinical(paths: Path | str | Sequence[Path | str], *, format: str | None = None, sheet: str | None = None) -> Clinical:
    """Read a clinical table, or several about the same patients.

    Where a patient has several rows in a table (one per sample), the row of the primary tumour stands for them, the first vial
    first; of last contacts the latest counts. Tables are joined by patient: one who is missing from a table has nothing in its
    columns, and of a column that several have, the first table that says anything counts.

    Args:
        paths: CSV, TSV or XLSX, plain, gzip or zip; a folder (of a cBioPortal study, of a download from the GDC portal, of biotab
            files); or several tables.
        format: Name of their format (`CLINICAL_FORMATS`); by default each is recognised by its content.
        sheet: Sheet of the workbook, where it is not the first with a table.

    Raises:
        TableError: One is no table, or no column names the patients.
    """
    stated = [Path(paths)] if isinstance(paths, Path | str) else [Path(path) for path in paths]
    if not stated:
        raise TableError("no clinical table is named")
    files = [file for path in stated for file in (clinical_files(path) if path.is_dir() else [path])]
    read = [_read(file, format, sheet) for file in files]
    joined = join(words for _, words in read)
    values = {name: typed(joined.table[name].tolist()) for name in joined.table.columns}
    table = pd.DataFrame(values, index=joined.table.index).sort_index()
    name = " + ".join(dict.fromkeys(format_.name for format_, _ in read))
    return Clinical(table, name, stated[0], joined.n_rows, joined.disagreements, tuple(files))


def _read(path: Path, format: str | None, sheet: str | None) -> tuple[ClinicalFormat, PatientWords]:
    head, rows = read_words(path, sheet=sheet)
    if len(head.header) < 2:
        raise TableError(
            f"{head.where}: one column only ({head.header[0][:60]!r}); expected commas, tabs or semicolons between columns"
        )
    chosen = clinical_format(head, format)
    try:
        header, rows = chosen.arrange(list(head.header), rows)
    except TableError as error:
        raise TableError(f"{head.where}: {error}") from error
    if not rows:
        raise TableError(f"{head.where}: a header and no rows; the table is empty")
    return chosen, one_row_per_patient(head.where, chosen, header, rows)
