"""One sample per patient, by a stated rule [F11].

Of a patient's samples only primary solid tumours (type 01) count; recurrences, metastases and normals do not. Of several
primaries the first vial (A before B: later vials of TCGA are mostly FFPE repeats) is taken, then the first portion, then the
latest plate (the repeat of a failed run), then the first in the file. Samples whose names are no TCGA barcodes, or are those of
patients, count as primaries. Every sample is listed with what became of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cartopath.cohort.barcodes import PRIMARY_TUMOUR, Barcode, parse_barcode, patient_of, sample_type_name
from cartopath.cohort.cells import name_key
from cartopath.cohort.delimited import read_words
from cartopath.core.errors import TableError


def choose_samples(
    samples: Sequence[str], *, patients: Sequence[str] | None = None, sample_type: str = PRIMARY_TUMOUR
) -> pd.DataFrame:
    """Choose one sample for each patient.

    Args:
        samples: Names of the samples in the order of the table.
        patients: Their patients, where the names do not say them.
        sample_type: The type that counts.

    Returns:
        One row per sample in the order given: `sample, patient_id, sample_type, chosen` (bool) and `reason`.

    >>> choose_samples(["TCGA-BH-A0H5-11A", "TCGA-BH-A0H5-01B", "TCGA-BH-A0H5-01A"])[["sample", "chosen"]].values.tolist()
    [['TCGA-BH-A0H5-11A', False], ['TCGA-BH-A0H5-01B', False], ['TCGA-BH-A0H5-01A', True]]
    """
    barcodes = [parse_barcode(sample) for sample in samples]
    owners = [patient_of(patient) for patient in (patients if patients is not None else samples)]
    types = [barcode.sample_type if barcode else "" for barcode in barcodes]
    best: dict[str, int] = {}
    for place in sorted(range(len(samples)), key=lambda place: _rank(barcodes[place], place)):
        if types[place] in ("", sample_type) and owners[place]:
            best.setdefault(owners[place], place)
    reasons = [_reason(place, owners[place], types[place], best, samples, sample_type) for place in range(len(samples))]
    return pd.DataFrame(
        {
            "sample": list(samples),
            "patient_id": owners,
            "sample_type": types,
            "chosen": [best.get(owner) == place for place, owner in enumerate(owners)],
            "reason": reasons,
        }
    )


def _rank(barcode: Barcode | None, place: int) -> tuple[str, str, tuple[int, ...], int]:
    if barcode is None:
        return ("", "", (), place)
    later_first = tuple(-ord(character) for character in barcode.plate)
    # A missing vial says "the sample", so it goes before any vial.
    return (barcode.vial, barcode.portion, later_first, place)


def _reason(place: int, owner: str, type_: str, best: dict[str, int], samples: Sequence[str], wanted: str) -> str:
    if not owner:
        return "no patient"
    if type_ not in ("", wanted):
        return sample_type_name(type_)
    if best[owner] == place:
        return "chosen"
    return f"another sample of the patient was chosen: {samples[best[owner]]}"


_FILE_KEYS = ("fileid", "filebase", "fileuuid", "filename", "file")
_SAMPLE_KEYS = ("sampleid", "sample", "samplebarcode", "sampleids")
_PATIENT_KEYS = ("caseid", "patientid", "case", "patient", "caseids")


def read_sample_sheet(path: Path | str) -> pd.DataFrame:
    """Read a table that says which sample a file is of, such as the sample sheet of the GDC portal.

    Returns:
        One row per file: `file` (id or name as written), `sample_id`, `patient_id`, `sample_type` (two digits, "" if unknown).

    Raises:
        TableError: It has no column for the file or none for the sample.
    """
    head, rows = read_words(path)
    keys = [name_key(name) for name in head.header]
    file, sample = (next((keys.index(key) for key in wanted if key in keys), None) for wanted in (_FILE_KEYS, _SAMPLE_KEYS))
    patient = next((keys.index(key) for key in _PATIENT_KEYS if key in keys), None)
    if file is None or sample is None:
        raise TableError(
            f"{path}: not a sample sheet: expected columns for the file and the sample, found {', '.join(head.header[:6])}"
        )
    barcodes = [parse_barcode(row[sample]) for row in rows]
    return pd.DataFrame(
        {
            "file": [row[file].strip() for row in rows],
            "sample_id": [row[sample].strip() for row in rows],
            "patient_id": [patient_of(row[sample if patient is None else patient]) for row in rows],
            "sample_type": [barcode.sample_type if barcode else "" for barcode in barcodes],
        }
    )
