"""What a format of clinical tables must say about itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cartopath.cohort.cells import name_key
from cartopath.cohort.delimited import TextHead

Words = list[list[str]]


@dataclass(frozen=True)
class ClinicalFormat:
    """One format of clinical tables.

    Attributes:
        name: What a study file calls it.
        summary: One line for messages and documentation.
        recognise: Whether the head of a table is of this format.
        keeps: Whether a column of this name is kept.
        arrange: Header and rows with one row per patient (or sample, or diagnosis) and nothing else, from those of the file.
        first: Which of a patient's rows stands for the patient: smaller comes first; without it the samples' barcodes decide.
        repeats: Whether a column of this name is expected to differ between a patient's rows, so that it is not remarked on.
        has_follow_ups: Whether several rows or tables are visits of one patient, of whom a later one may report the death.
    """

    name: str
    summary: str
    recognise: Callable[[TextHead], bool]
    keeps: Callable[[str], bool] = lambda name: True
    arrange: Callable[[list[str], Words], tuple[list[str], Words]] = lambda header, rows: (header, rows)
    first: Callable[[list[str], list[str]], int] | None = None
    repeats: Callable[[str], bool] = lambda name: False
    has_follow_ups: bool = False


def keys_of(head: TextHead) -> set[str]:
    """Return the names of a table's columns as they are compared."""
    return {name_key(name) for name in head.header}
