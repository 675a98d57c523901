"""Clinical files of Firehose with patients in columns (`BRCA.clin.merged.txt`, `clin.merged.picked.txt`), or in rows (RTCGA)."""

from __future__ import annotations

from cartopath.cohort.clinical.layout import ClinicalFormat, Words, keys_of
from cartopath.cohort.delimited import TextHead
from cartopath.core.errors import TableError

_PATIENT_ROWS = ("patient.bcr_patient_barcode", "bcr_patient_barcode", "Hybridization REF")


def _is_across(first_name: str) -> bool:
    return first_name == "Hybridization REF" or first_name.startswith("admin.")


def _recognise(head: TextHead) -> bool:
    return _is_across(head.header[0]) or "patientbcrpatientbarcode" in keys_of(head)


def _arrange(header: list[str], rows: Words) -> tuple[list[str], Words]:
    if not _is_across(header[0]):
        return header, rows
    lines = [header, *rows]
    names = [line[0].strip() for line in lines]
    if not any(name in names for name in _PATIENT_ROWS):
        raise TableError(f"no row {' or '.join(_PATIENT_ROWS)} names the patients; fetch the file again")
    return names, [[line[place] for line in lines] for place in range(1, len(header))]


FORMATS = (
    ClinicalFormat(
        "firehose",
        "Firehose or RTCGA: patient.bcr_patient_barcode, patient.vital_status, ..., patients in rows or in columns",
        _recognise,
        arrange=_arrange,
    ),
)
