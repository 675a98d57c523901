"""Clinical files of cBioPortal: those of a study folder, and what the web site's study view exports."""

from __future__ import annotations

from cartopath.cohort.clinical.layout import ClinicalFormat

FORMATS = (
    ClinicalFormat(
        "cbioportal-study",
        "cBioPortal study file: four # lines, then PATIENT_ID and OS_STATUS, OS_MONTHS, ... or SAMPLE_ID, ...",
        lambda head: "PATIENT_ID" in head.header and len(head.comments) >= 4,
    ),
    ClinicalFormat(
        "cbioportal-web",
        "export of the cBioPortal study view: Study ID, Patient ID, Sample ID, ...",
        lambda head: {"Study ID", "Patient ID"} <= set(head.header),
    ),
)
