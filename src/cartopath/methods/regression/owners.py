"""Whose a slide is, and whether it takes part: by a table of slides, by its barcode, or because it is called like a patient."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from cartopath.cohort.barcodes import PRIMARY_TUMOUR, parse_barcode, patient_of, sample_type_name
from cartopath.cohort.delimited import read_words
from cartopath.cohort.slide_lists.slide_columns import SlideColumns
from cartopath.cohort.slide_lists.slide_files import slide_stem
from cartopath.cohort.slide_lists.slide_lookup import slide_id_of
from cartopath.core.errors import TableError


class Owners:
    """The patients of slides.

    Args:
        table: Of slides; or None.
        measured: Patients of the molecular table.
    """

    def __init__(self, table: Path | None, measured: Collection[str]) -> None:
        self._measured = set(measured)
        self._rows = {} if table is None else _table_rows(table)
        self._has_table = table is not None

    def of(self, slide: str, kinds: tuple[str, ...]) -> tuple[str, str]:
        """Return the patient of a slide, and why it takes no part, "" where it does."""
        patient, excluded = self._rows.get(_key(slide), ("", ""))
        barcode = parse_barcode(slide)
        patient = patient or (barcode.patient_id if barcode else slide if slide in self._measured else "")
        if excluded:
            return patient, excluded
        if not patient:
            where = (
                "the table of slides does not name its patient" if self._has_table else "its name is no barcode and no patient"
            )
            return "", where
        if barcode and barcode.sample_type not in ("", PRIMARY_TUMOUR):
            return patient, sample_type_name(barcode.sample_type)
        if kinds and barcode and barcode.slide_kind and barcode.slide_kind not in kinds:
            return patient, f"{barcode.slide_kind} section, not {' or '.join(kinds)}"
        return patient, "" if patient in self._measured else "its patient was not measured"


def _table_rows(path: Path) -> dict[str, tuple[str, str]]:
    """Return patient and reason for exclusion of each slide of a table."""
    head, rows = read_words(path)
    columns = SlideColumns.of(head)
    found: dict[str, tuple[str, str]] = {}
    for row in rows:
        cells = columns.cells(row)
        for name in (cells["slide_id"], cells["path"]):
            if name:
                found.setdefault(_key(Path(name).name), (patient_of(cells["patient_id"]), columns.exclusion(cells)))
    if not any(patient for patient, _ in found.values()):
        raise TableError(f"{path}: names no patients; give a column patient_id")
    return found


def _key(name: str) -> str:
    return slide_id_of(slide_stem(name))
