"""Clinical tables: one row per patient, the columns as the table names them [F12].

cBioPortal web exports and study files, tables of PORPOISE's kind and plain CSV or TSV are told apart by their content.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from cartopath.cohort.barcodes import parse_barcode, patient_of
from cartopath.cohort.cells import is_missing, is_number, name_key, to_number
from cartopath.cohort.delimited import TextHead, read_words
from cartopath.cohort.matrices.porpoise import OMICS_SUFFIXES
from cartopath.core.errors import TableError, TraitError, closest

_PATIENT_KEYS = (
    *("patientid", "bcrpatientbarcode", "patient", "patientbarcode", "submitteddonorid", "caseid"),
    *("casesubmitterid", "casessubmitterid", "submitterid", "case", "subjectid", "subject"),
)
_SAMPLE_KEYS = ("sampleid", "samplebarcode", "sample", "bcrsamplebarcode", "barcode")


@dataclass(frozen=True)
class ClinicalFormat:
    """One format of clinical tables.

    Attributes:
        name: What a study file calls it.
        summary: One line for messages and documentation.
        recognise: Whether the head of a table is of this format.
        keeps: Whether a column of this name is kept.
    """

    name: str
    summary: str
    recognise: Callable[[TextHead], bool]
    keeps: Callable[[str], bool] = lambda name: True


CLINICAL_FORMATS = (
    ClinicalFormat(
        "cbioportal-study",
        "cBioPortal study file: four # lines, then PATIENT_ID, OS_STATUS, OS_MONTHS, ...",
        lambda head: "PATIENT_ID" in head.header and len(head.comments) >= 4,
    ),
    ClinicalFormat(
        "cbioportal-web",
        "export of the cBioPortal study view: Study ID, Patient ID, Sample ID, ...",
        lambda head: {"Study ID", "Patient ID"} <= set(head.header),
    ),
    ClinicalFormat(
        "porpoise",
        "PORPOISE table: case_id, slide_id, clinical columns, then molecular ones, which are left out here",
        lambda head: "case_id" in head.header and any(name.endswith("_rnaseq") for name in head.header),
        lambda name: bool(name) and not name.endswith(OMICS_SUFFIXES),
    ),
    ClinicalFormat("plain", "plain CSV or TSV with a column for the patient", lambda head: True),
)


@dataclass(frozen=True)
class Clinical:
    """What is known of the patients.

    Attributes:
        table: Indexed by `patient_id` (unique, sorted), columns as the file names them; float where every value is a number, text
            otherwise, NaN where there is no value.
        format: Name of the format; see `CLINICAL_FORMATS`.
        path: Where it was read.
        n_rows: Rows of the file: patients with several samples have several.
        disagreements: For each column, the patients whose rows disagree in it and of whom the first primary tumour's row was
            taken.
    """

    table: pd.DataFrame
    format: str
    path: Path
    n_rows: int = 0
    disagreements: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def patients(self) -> tuple[str, ...]:
        """The patients, sorted."""
        return tuple(self.table.index)


def read_clinical(path: Path | str, *, format: str | None = None) -> Clinical:
    """Read a clinical table.

    Where a patient has several rows (one per sample), the row of the primary tumour stands for them, the first vial first.

    Args:
        path: CSV or TSV, plain, gzip or zip.
        format: Name of its format (`CLINICAL_FORMATS`); by default it is recognised by its content.

    Raises:
        TableError: It is no table, or no column names the patients.
    """
    path = Path(path)
    head, rows = read_words(path)
    chosen = _format(head, format)
    if not rows:
        raise TableError(f"{path}: a header and no rows; the table is empty")
    names = _unique(head.header)
    owner_column = _patient_column(head, rows)
    table = pd.DataFrame(rows, columns=names)
    owners = [patient_of(word) for word in table.iloc[:, owner_column]]
    table = table[[name for name in names if chosen.keeps(name)]]
    table.insert(0, "", owners, allow_duplicates=True)  # "" cannot be the name of a kept column that matters.
    table = table[[not is_missing(owner) for owner in owners]]
    table = table.iloc[_primary_first(table)]
    first = table.drop_duplicates(table.columns[0])
    disagreements = _disagreements(table) if len(first) < len(table) else {}
    index = pd.Index(first.iloc[:, 0], name="patient_id")
    values = {name: _column(first.iloc[:, place].tolist()) for place, name in enumerate(first.columns) if place > 0}
    return Clinical(pd.DataFrame(values, index=index).sort_index(), chosen.name, path, len(rows), disagreements)


def _format(head: TextHead, name: str | None) -> ClinicalFormat:
    by_name = {format_.name: format_ for format_ in CLINICAL_FORMATS}
    if name is None:
        return next(format_ for format_ in CLINICAL_FORMATS if format_.recognise(head))
    if name not in by_name:
        raise TableError(f"no format {name!r} of clinical tables (there are: {', '.join(by_name)})")
    return by_name[name]


def _unique(header: Sequence[str]) -> list[str]:
    """Return the names, a number appended to those that come again, as pandas does."""
    seen: dict[str, int] = {}
    names = []
    for name in header:
        seen[name] = seen.get(name, -1) + 1
        names.append(f"{name}.{seen[name]}" if seen[name] else name)
    return names


def _patient_column(head: TextHead, rows: list[list[str]]) -> int:
    keys = [name_key(name) for name in head.header]
    for wanted in (*_PATIENT_KEYS, *_SAMPLE_KEYS):
        if wanted in keys:
            return keys.index(wanted)
    for index in range(len(keys)):
        words = [row[index] for row in rows[:50]]
        if sum(parse_barcode(word) is not None for word in words) >= 0.8 * len(words):
            return index
    raise TableError(f"{head.path}: no column names the patients; call one patient_id (found {', '.join(head.header[:6])}, ...)")


def _primary_first(table: pd.DataFrame) -> list[int]:
    """Return the order of the rows in which the row that stands for its patient comes first, by the samples' barcodes."""
    keys = [name_key(str(name)) for name in table.columns]
    sample = next((keys.index(key) for key in _SAMPLE_KEYS if key in keys), None)
    if sample is None:
        return list(range(len(table)))
    barcodes = [parse_barcode(word) for word in table.iloc[:, sample]]
    ranks = [(not barcode.is_primary, barcode.sample_type, barcode.vial) if barcode else (True, "", "") for barcode in barcodes]
    return sorted(range(len(table)), key=lambda row: (ranks[row], row))


def _disagreements(table: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    owner = table.iloc[:, 0]
    repeated = table[owner.duplicated(keep=False)]
    found = {}
    for place, name in enumerate(table.columns[1:], start=1):
        distinct = (
            repeated.iloc[:, place]
            .map(lambda word: "" if is_missing(word) else word.strip())
            .groupby(repeated.iloc[:, 0])
            .nunique()
        )
        patients = tuple(sorted(distinct.index[distinct > 1]))
        if patients:
            found[str(name)] = patients
    return found


def _column(words: list[str]) -> list[float | str]:
    missing = [is_missing(word) for word in words]
    if all(is_number(word) for word in words) and not all(missing):
        return [to_number(word) for word in words]
    return [np.nan if none else word.strip() for word, none in zip(words, missing, strict=True)]


def match_column(columns: Iterable[str], name: str) -> str | None:
    """Return the column called `name` apart from case, spaces and punctuation, or None.

    >>> match_column(["PR status by ihc", "ER Status By IHC"], "er_status_by_ihc")
    'ER Status By IHC'
    """
    names = list(columns)
    if name in names:
        return name
    return next((column for column in names if name_key(column) == name_key(name)), None)


def find_column(clinical: Clinical, name: str) -> str:
    """Return the column that `name` means, whatever its case and punctuation.

    Raises:
        TraitError: There is none; the message names the closest.
    """
    column = match_column(clinical.table.columns, name)
    if column is None:
        likely = closest(name, clinical.table.columns)
        hint = f"closest: {', '.join(likely)}" if likely else f"there are: {', '.join(list(clinical.table.columns)[:8])}"
        raise TraitError(f"{clinical.path}: no column {name!r} ({len(clinical.table.columns)} columns; {hint})")
    return column
