"""What is known of the patients: one row for each, the columns as the files name them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from cartopath.cohort.cells import is_missing, is_number, name_key, to_number
from cartopath.core.errors import TableError, TraitError, closest

_PREFIXES = (
    *("patient", "cases", "demographic", "diagnoses", "follow_ups", "treatments", "exposures", "project", "molecular_tests"),
    *("family_histories", "pathology_details", "other_clinical_attributes"),
)
"""What RTCGA and the GDC put before a dot: `patient.vital_status`, `demographic.vital_status`."""

_DECIMAL_COMMA = re.compile(r"\s*-?\d+(\.\d{3})*,\d+\s*")


@dataclass(frozen=True)
class Clinical:
    """What is known of the patients.

    Attributes:
        table: Indexed by `patient_id` (unique, sorted), columns as the file names them; float where every value is a number, text
            otherwise, NaN where there is no value.
        format: Name of the format; see `CLINICAL_FORMATS`. Several joined tables have theirs joined by " + ".
        path: Where it was read: the file, the folder, or the first of several files.
        n_rows: Rows of all files: patients with several samples or visits have several.
        disagreements: For each column, the patients whose rows disagree in it and of whom the first primary tumour's row was
            taken.
        files: All files that were read.
    """

    table: pd.DataFrame
    format: str
    path: Path
    n_rows: int = 0
    disagreements: dict[str, tuple[str, ...]] = field(default_factory=dict)
    files: tuple[Path, ...] = ()

    @property
    def patients(self) -> tuple[str, ...]:
        """The patients, sorted."""
        return tuple(self.table.index)

    @property
    def where(self) -> str:
        """The files, for messages."""
        if len(self.files) < 2 or self.path not in self.files:
            return str(self.path)
        return f"{self.path} (with {', '.join(path.name for path in self.files[1:4])}{', ...' if len(self.files) > 4 else ''})"


def typed(words: list[str]) -> list[float | str]:
    """Return a column as numbers where all its words are, otherwise as text; NaN where there is nothing."""
    missing = [is_missing(word) for word in words]
    if all(is_number(word) for word in words) and not all(missing):
        return [to_number(word) for word in words]
    return [np.nan if none else word.strip() for word, none in zip(words, missing, strict=True)]


def match_column(columns: Iterable[str], name: str) -> str | None:
    """Return the column called `name` apart from case, spaces and punctuation, or None.

    What the GDC and RTCGA put before a dot may be left out where only one column, or one nearest to the patient, is meant.

    >>> match_column(["PR status by ihc", "ER Status By IHC"], "er_status_by_ihc")
    'ER Status By IHC'
    >>> match_column(["demographic.gender", "patient.drugs.drug.gender"], "gender")
    'demographic.gender'
    """
    names = list(columns)
    if name in names:
        return name
    key = name_key(name)
    whole = next((column for column in names if name_key(column) == key), None)
    return whole if whole is not None else _match_dotted(names, key)


def _match_dotted(columns: list[str], key: str) -> str | None:
    found = [
        column
        for column in columns
        if "." in column and column.split(".")[0] in _PREFIXES and name_key(column.rsplit(".")[-1]) == key
    ]
    nearest = min((column.count(".") for column in found), default=0)
    near = [column for column in found if column.count(".") == nearest]
    return near[0] if len(near) == 1 else None


def find_column(clinical: Clinical, name: str) -> str:
    """Return the column that `name` means, whatever its case and punctuation.

    Raises:
        TraitError: There is none; the message names the closest.
    """
    column = match_column(clinical.table.columns, name)
    if column is None:
        likely = closest(name, clinical.table.columns)
        hint = f"closest: {', '.join(likely)}" if likely else f"there are: {', '.join(list(clinical.table.columns)[:8])}"
        raise TraitError(f"{clinical.where}: no column {name!r} ({len(clinical.table.columns)} columns; {hint})")
    return column


def number_column(clinical: Clinical, name: str) -> pd.Series:
    """Return a column as numbers, by patient, NaN where there is nothing.

    Raises:
        TraitError: There is no such column.
        TableError: Cells hold something else; the message gives the column, the first patients and their cells.
    """
    column = find_column(clinical, name)
    words = clinical.table[column]
    numbers = pd.to_numeric(words, errors="coerce").replace([np.inf, -np.inf], np.nan).astype("float64")
    wrong = words[numbers.isna() & words.notna()].astype(str)
    if len(wrong):
        cells = ", ".join(f"{word[:40]!r} of {patient}" for patient, word in wrong.head(5).items())
        commas = all(_DECIMAL_COMMA.fullmatch(word) for word in wrong)
        hint = "numbers are written with a point, 12.5 instead of 12,5" if commas else "mend them or leave them empty"
        raise TableError(f"{clinical.where}: {len(wrong)} cells of column {column!r} are no numbers ({cells}); {hint}")
    return numbers
