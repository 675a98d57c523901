"""From the rows of a clinical table to one row per patient, and to those of several tables together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from cartopath.cohort.barcodes import parse_barcode, patient_of
from cartopath.cohort.cells import is_missing, name_key
from cartopath.cohort.clinical.follow_ups import is_follow_up_column, latest
from cartopath.cohort.clinical.layout import ClinicalFormat, Words
from cartopath.core.errors import TableError

_PATIENT_KEYS = (
    *("patientid", "bcrpatientbarcode", "patientbcrpatientbarcode", "patient", "patientbarcode", "submitteddonorid"),
    *("casesubmitterid", "casessubmitterid", "submitterid", "caseid", "case", "subjectid", "subject", "hybridizationref"),
)
_MOST = 0.8
"""Share of cells that are TCGA barcodes in a column of them."""

_SAMPLE_KEYS = ("sampleid", "samplebarcode", "sample", "bcrsamplebarcode", "barcode")


@dataclass(frozen=True)
class PatientWords:
    """A clinical table as words, one row per patient.

    Attributes:
        table: Text, indexed by `patient_id`, in the order of the file.
        n_rows: Rows of the file.
        disagreements: For each column, the patients whose rows disagree in it, sorted.
        owner: The column that names the patients.
        has_follow_ups: Whether its rows are visits, of which a later one may report the death.
    """

    table: pd.DataFrame
    n_rows: int
    disagreements: dict[str, tuple[str, ...]]
    owner: str
    has_follow_ups: bool = False


def one_row_per_patient(where: str, format_: ClinicalFormat, header: list[str], rows: Words) -> PatientWords:
    """Let one row stand for each patient: that of the primary tumour or diagnosis, of several the first.

    Follow-up is the latest of all rows; see `follow_ups`.

    Raises:
        TableError: No column names the patients, or none is named.
    """
    names = _unique(header)
    owner = _patient_column(where, header, rows)
    owners = pd.Series([patient_of(_tidy(row[owner])) for row in rows], dtype=object)
    kept = [name for name in names if format_.keeps(name)]
    table = pd.DataFrame(rows, columns=names, dtype=object)[kept]
    named = ~owners.map(is_missing).astype(bool) & ~_notes(rows, owner)
    if not named.any():
        raise TableError(f"{where}: column {names[owner]!r} names no patient in {len(rows)} rows; fill it")
    order = [place for place in _primary_first(format_, header, rows) if named[place]]
    table, owners = table.iloc[order].map(_tidy), owners.iloc[order]
    table.index = pd.Index(owners, name="patient_id")
    first = table[~table.index.duplicated()]
    if len(first) == len(table):
        return PatientWords(first, len(rows), {}, names[owner], format_.has_follow_ups)
    first, disagreements = _condense(table, first, format_)
    return PatientWords(first, len(rows), disagreements, names[owner], format_.has_follow_ups)


def join(tables: Iterable[PatientWords]) -> PatientWords:
    """Put the columns of several tables side by side, by patient.

    Of a column that several tables have, the first table that says anything counts, and where they differ that is kept as a
    disagreement; of follow-up the latest counts.
    """
    first, *others = tables
    table, n_rows, disagreements = first.table, first.n_rows, dict(first.disagreements)
    for other in others:
        added = other.table.drop(columns=other.owner, errors="ignore")
        shared = [name for name in added.columns if name in table.columns]
        patients = table.index.union(added.index, sort=False)
        table, added = table.reindex(patients, fill_value=""), added.reindex(patients, fill_value="")
        for name, concerned in other.disagreements.items():
            disagreements[name] = tuple(sorted({*disagreements.get(name, ()), *concerned}))
        for name in shared:
            words, differ = _either(name, table[name], added[name], has_follow_ups=other.has_follow_ups)
            table[name] = words
            if differ:
                disagreements[name] = tuple(sorted({*disagreements.get(name, ()), *differ}))
        table = pd.concat([table, added.drop(columns=shared)], axis=1)
        n_rows += other.n_rows
    return PatientWords(table, n_rows, disagreements, first.owner)


def _tidy(word: str) -> str:
    word = word.strip()
    return "" if word == "#N/A" or is_missing(word) else word


def _unique(header: list[str]) -> list[str]:
    """Return the names, a number appended to those that come again, as pandas does."""
    seen: set[str] = set()
    names = []
    for name in header:
        number = 0
        while (candidate := f"{name}.{number}" if number else name) in seen:
            number += 1
        seen.add(candidate)
        names.append(candidate)
    return names


def _patient_column(where: str, header: list[str], rows: Words) -> int:
    """Return the column that names the patients: of those so called the one with TCGA barcodes, otherwise the first.

    Biotab files have a `patient_id` with four characters and GDC files a `case_id` with a UUID beside the barcode.
    """
    keys = [name_key(name) for name in header]
    called = [keys.index(key) for key in (*_PATIENT_KEYS, *_SAMPLE_KEYS) if key in keys]
    for column in called or range(len(keys)):
        words = [row[column] for row in rows[:50] if not is_missing(row[column])]
        if words and sum(parse_barcode(word) is not None for word in words) >= _MOST * len(words):
            return column
    if called:
        return called[0]
    raise TableError(f"{where}: no column names the patients; call one patient_id (found {', '.join(header[:6])}, ...)")


def _notes(rows: Words, owner: int) -> pd.Series:
    """Return which rows are notes below a table of TCGA barcodes: several words where the patient stands, and nothing else."""
    is_barcode = pd.Series([parse_barcode(row[owner]) is not None for row in rows], dtype=bool)
    is_alone = pd.Series(
        [" " in row[owner].strip() and sum(not is_missing(cell) for cell in row) == 1 for row in rows], dtype=bool
    )
    return ~is_barcode & is_alone & (is_barcode.mean() >= _MOST)


def _primary_first(format_: ClinicalFormat, header: list[str], rows: Words) -> list[int]:
    """Return the order of the rows in which the row that stands for its patient comes first."""
    if format_.first is not None:
        numbers = [format_.first(header, row) for row in rows]
        return sorted(range(len(rows)), key=numbers.__getitem__)
    keys = [name_key(name) for name in header]
    sample = next((keys.index(key) for key in _SAMPLE_KEYS if key in keys), None)
    if sample is None:
        return list(range(len(rows)))
    barcodes = [parse_barcode(row[sample]) for row in rows]
    ranks = [(not barcode.is_primary, barcode.sample_type, barcode.vial) if barcode else (True, "", "") for barcode in barcodes]
    return sorted(range(len(rows)), key=lambda row: (ranks[row], row))


def _condense(
    table: pd.DataFrame, first: pd.DataFrame, format_: ClinicalFormat
) -> tuple[pd.DataFrame, dict[str, tuple[str, ...]]]:
    """Return the first rows with the latest follow-up of all rows, and the patients whose rows disagree, by column."""
    repeated = table[table.index.duplicated(keep=False)]
    found: dict[str, tuple[str, ...]] = {}
    first = first.copy()
    for name in table.columns:
        groups = repeated[name].groupby(level=0)
        distinct = groups.nunique()
        patients = sorted(distinct.index[distinct > 1])
        if is_follow_up_column(name, has_follow_ups=format_.has_follow_ups):
            for patient in patients:
                first.loc[patient, name] = latest(name, repeated.loc[patient, name].tolist())
        elif patients and not format_.repeats(name):
            found[name] = tuple(patients)
    return first, found


def _either(name: str, ours: pd.Series, theirs: pd.Series, *, has_follow_ups: bool) -> tuple[pd.Series, list[str]]:
    words = ours.where(ours != "", theirs)
    differ = list(ours.index[(ours != theirs) & (ours != "") & (theirs != "")])
    if not is_follow_up_column(name, has_follow_ups=has_follow_ups):
        return words, differ
    for patient in differ:
        words[patient] = latest(name, [ours[patient], theirs[patient]])
    return words, []
