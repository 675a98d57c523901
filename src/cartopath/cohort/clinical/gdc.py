"""Clinical tables of the GDC portal (`clinical.tsv`, `follow_up.tsv`): a row per case, diagnosis and treatment.

Releases since 2024 write dotted names (`cases.submitter_id`, `demographic.vital_status`), older ones plain ones
(`case_submitter_id`, `vital_status`); `'--` stands for nothing. The row of the primary diagnosis stands for a case.
"""

from __future__ import annotations

from cartopath.cohort.cells import name_key
from cartopath.cohort.clinical.layout import ClinicalFormat, keys_of

_PER_ROW = ("diagnoses.", "treatments.", "follow_ups.", "molecular_tests.", "other_clinical_attributes.", "pathology_details.")
_OLD_PER_ROW = (
    *("treatment", "therapeutic", "regimen", "chemo", "initial_disease", "number_of_cycles", "reason_treatment", "prescribed"),
    *("days_to_treatment", "site_of_resection", "tissue_or_organ", "primary_diagnosis", "morphology", "diagnosis_id"),
)


def _primary_diagnosis(header: list[str], row: list[str]) -> int:
    """Return 0 for the row of the primary diagnosis, 2 for that of another one, 1 where the row does not say."""
    for name, cell in zip(header, row, strict=True):
        key, word = name_key(name), cell.strip().casefold()
        if key.endswith("diagnosisisprimarydisease") and word in ("true", "false"):
            return 0 if word == "true" else 2
        if key.endswith("classificationoftumor") and word not in ("", "'--", "not reported", "unknown"):
            return 0 if word == "primary" else 2
    return 1


FORMATS = (
    ClinicalFormat(
        "gdc",
        "GDC clinical.tsv or follow_up.tsv: case_submitter_id or cases.submitter_id, vital_status, days_to_death, ...",
        lambda head: bool({"casesubmitterid", "casessubmitterid"} & keys_of(head)),
        first=_primary_diagnosis,
        repeats=lambda name: name.startswith((*_PER_ROW, *_OLD_PER_ROW)),
    ),
)
