"""TCGA-like names for simulated patients, slides and aliquots.

Participants are called Zxxx: no real TCGA participant is, so a simulated slide can never be mistaken for that of a person.
"""

from __future__ import annotations

import uuid

import numpy as np

_SITES = ("A2", "BH", "E2", "AR", "D8", "C8", "A7", "GM", "EW", "LL", "AC", "OL")
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def site_code(index: int) -> str:
    """Return the two-character code of a tissue source site."""
    return _SITES[index] if index < len(_SITES) else "Z" + _DIGITS[index % len(_DIGITS)]


def patient_ids(rng: np.random.Generator, sites: list[str]) -> list[str]:
    """Return one barcode per patient, such as TCGA-A2-Z4K1, all different, in the order of `sites`."""
    numbers = rng.choice(len(_DIGITS) ** 3, size=len(sites), replace=False)
    return [f"TCGA-{site}-Z{_base36(int(number))}" for site, number in zip(sites, numbers, strict=True)]


def _base36(number: int) -> str:
    return "".join(_DIGITS[number // len(_DIGITS) ** i % len(_DIGITS)] for i in (2, 1, 0))


def slide_id(patient_id: str, number: int) -> str:
    """Return the barcode of a diagnostic slide of the primary tumour."""
    return f"{patient_id}-01Z-00-DX{number}"


def slide_file_name(slide: str, rng: np.random.Generator) -> str:
    """Return the file name of a slide: barcode, UUID, .tif."""
    return f"{slide}.{str(uuid.UUID(bytes=rng.bytes(16), version=4)).upper()}.tif"


def aliquot(patient_id: str, rng: np.random.Generator, *, sample: str = "01A", center: str = "07") -> str:
    """Return the barcode of an RNA aliquot of a sample; center 07 measures mRNA, 13 miRNA."""
    return f"{patient_id}-{sample}-{rng.integers(1, 4)}1R-A{rng.integers(100, 400)}-{center}"
