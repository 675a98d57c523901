"""BCR biotab files of the TCGA (`nationwidechildrens.org_clinical_patient_brca.txt`): three header lines, then a row per patient.

The lines hold the names of the columns, their names in the dictionary of data elements, and the ids there (`CDE_ID:3151453`).
Follow-up files (`..._clinical_follow_up_v4.0_brca.txt`) hold a row per visit.
"""

from __future__ import annotations

from collections.abc import Sequence

from cartopath.cohort.clinical.layout import ClinicalFormat, Words, keys_of
from cartopath.cohort.delimited import TextHead


def _ids_row(rows: Sequence[Sequence[str]]) -> int | None:
    for number, row in enumerate(rows[:3]):
        if sum(cell.strip().startswith("CDE_ID:") for cell in row) >= 2:
            return number
    return None


def _recognise(head: TextHead) -> bool:
    return "bcrpatientbarcode" in keys_of(head) and _ids_row(head.rows) is not None


def _arrange(header: list[str], rows: Words) -> tuple[list[str], Words]:
    ids = _ids_row(rows)
    return header, rows if ids is None else rows[ids + 1 :]


FORMATS = (
    ClinicalFormat(
        "biotab",
        "BCR biotab: three header lines, bcr_patient_barcode, vital_status, death_days_to, er_status_by_ihc, ...",
        _recognise,
        arrange=_arrange,
        has_follow_ups=True,
    ),
)
