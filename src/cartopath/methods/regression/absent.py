"""Who was measured and takes no part in a regression, and why."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from cartopath.cohort.findings import N_EXAMPLES, counted, examples
from cartopath.methods.regression.patients import Patients

WITHOUT_FILE = "no feature file"


def absent_patients(patients: Patients, measured: Collection[str]) -> pd.DataFrame:
    """Return the patients of the molecular table who take no part: `patient_id` and `reason`, sorted.

    Args:
        patients: Who takes part, and which slides do not.
        measured: Patients of the molecular table.
    """
    own = patients.left_out[patients.left_out["patient_id"] != ""].groupby("patient_id")["slide_id"].agg(list)
    present = set(patients.names)
    rows = [
        (name, f"none of its slides takes part {examples(own[name])}" if name in own.index else WITHOUT_FILE)
        for name in sorted(set(measured) - present)
    ]
    return pd.DataFrame(rows, columns=["patient_id", "reason"])


def absence_notes(absent: pd.DataFrame, n_measured: int) -> tuple[str, ...]:
    """Return who has no feature file as a sentence; those whose files were left out are named with these."""
    names = _without_file(absent)
    listed = "; left_out.csv names all" if len(names) > N_EXAMPLES else ""
    return tuple(f"{sentence}{listed}" for sentence in _sentences(names, n_measured))


def shortage(patients: Patients, n_measured: int) -> str:
    """Return why there are no more patients, to be appended to a message: who has no feature file, which files cannot be used."""
    words = _sentences(_without_file(patients.absent), n_measured)
    if patients.unreadable:
        words.append(f"{counted(len(patients.unreadable), 'file')} cannot be used (the first: {patients.unreadable[0][1]})")
    return "".join(f"; {sentence}" for sentence in words)


def _without_file(absent: pd.DataFrame) -> list[str]:
    return list(absent.loc[absent["reason"] == WITHOUT_FILE, "patient_id"])


def _sentences(names: list[str], n_measured: int) -> list[str]:
    if not names:
        return []
    verb = "has" if len(names) == 1 else "have"
    return [f"{len(names):,} of {counted(n_measured, 'patient')} of the table {verb} no feature file {examples(names)}"]
