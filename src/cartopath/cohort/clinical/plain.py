"""Tables with one row per patient and the outcome in them: the TCGA clinical data resource, PORPOISE, and everybody's own."""

from __future__ import annotations

from cartopath.cohort.clinical.layout import ClinicalFormat

_MOLECULAR = ("_rnaseq", "_cnv", "_mut")

FORMATS = (
    ClinicalFormat(
        "tcga-cdr",
        "TCGA clinical data resource (Liu 2018), XLSX or text: bcr_patient_barcode, OS, OS.time, DSS, DFI, PFI, ...",
        lambda head: {"bcr_patient_barcode", "OS", "OS.time", "PFI", "PFI.time"} <= set(head.header),
    ),
    ClinicalFormat(
        "porpoise",
        "PORPOISE table: case_id, slide_id, clinical columns, then molecular ones, which are left out here",
        lambda head: "case_id" in head.header and any(name.endswith("_rnaseq") for name in head.header),
        keeps=lambda name: bool(name) and not name.endswith(_MOLECULAR),
    ),
    ClinicalFormat("plain", "plain CSV, TSV or XLSX with a column for the patient", lambda head: True),
)
