"""One sample per patient, by a stated rule [F11].

Of a patient's samples only primary solid tumours (type 01) count; recurrences, metastases and normals do not. Of several
primaries the first vial (A before B: later vials of TCGA are mostly FFPE repeats) is taken, then the first portion, then the
latest plate (the repeat of a failed run), then the first in the file. Samples whose names are no TCGA barcodes, or are those of
patients, count as primaries. Every sample is listed with what became of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cartopath.cohort.barcodes import PRIMARY_TUMOUR, Barcode, parse_barcode, patient_of, sample_type_name


def choose_samples(
    samples: Sequence[str],
    *,
    patients: Sequence[str] | None = None,
    types: Sequence[str] | None = None,
    sample_type: str = PRIMARY_TUMOUR,
) -> pd.DataFrame:
    """Choose one sample for each patient.

    Args:
        samples: Names of the samples in the order of the table.
        patients: Their patients, where the names do not say them.
        types: Their types (two digits, "" if unknown), where the names do not say them.
        sample_type: The type that counts.

    Returns:
        One row per sample in the order given: `sample, patient_id, sample_type, chosen` (bool) and `reason`.

    >>> choose_samples(["TCGA-BH-A0H5-11A", "TCGA-BH-A0H5-01B", "TCGA-BH-A0H5-01A"])[["sample", "chosen"]].values.tolist()
    [['TCGA-BH-A0H5-11A', False], ['TCGA-BH-A0H5-01B', False], ['TCGA-BH-A0H5-01A', True]]
    """
    barcodes = [parse_barcode(sample) for sample in samples]
    owners = [patient_of(patient) for patient in (patients if patients is not None else samples)]
    said = types if types is not None else [""] * len(samples)
    types = [
        barcode.sample_type if barcode and barcode.sample_type else type_ for barcode, type_ in zip(barcodes, said, strict=True)
    ]
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
