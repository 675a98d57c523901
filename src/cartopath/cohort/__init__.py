"""The cohort: who is in it, what was measured, which slides belong to whom, labels, splits, and what does not fit together.

Nothing here opens a slide or needs a network.
"""

from cartopath.cohort.barcodes import Barcode, parse_barcode, patient_of, sample_type_name
from cartopath.cohort.clinical import CLINICAL_FORMATS, Clinical, find_column, match_column, number_column, read_clinical
from cartopath.cohort.collapsed_findings import collapse_findings
from cartopath.cohort.findings import FINDING_CODES, Finding, findings_table, sort_findings, verdict
from cartopath.cohort.joins import join_findings, label_findings, survival_findings, trait_findings
from cartopath.cohort.labels import TraitLabels, binary_labels, trait_labels
from cartopath.cohort.leakage import class_counts, survival_patients, trait_sets
from cartopath.cohort.matrices import MATRIX_FORMATS
from cartopath.cohort.molecular import MolecularTable, open_molecular
from cartopath.cohort.patient_slides import CohortWarning, patient_slides, slide_choices, slide_rules
from cartopath.cohort.receptors import ReceptorStatus, receptor_of_column, receptor_record, receptor_status
from cartopath.cohort.sample_sheet import read_sample_sheet
from cartopath.cohort.samples import choose_samples
from cartopath.cohort.slide_findings import slide_findings
from cartopath.cohort.slide_lists.manifests import manifest_on_disk, read_manifest
from cartopath.cohort.slide_lists.slide_table import read_slides
from cartopath.cohort.split_audit import audit_splits
from cartopath.cohort.splits import draw_folds, draw_rounds, read_splits, write_splits
from cartopath.cohort.status_words import parse_status
from cartopath.cohort.survival_status import Survival, survival_record, survival_times
from cartopath.cohort.traits import TraitRequest, TraitSource, TraitValues, find_trait, read_trait, read_traits

__all__ = [
    "CLINICAL_FORMATS",
    "FINDING_CODES",
    "MATRIX_FORMATS",
    "Barcode",
    "Clinical",
    "CohortWarning",
    "Finding",
    "MolecularTable",
    "ReceptorStatus",
    "Survival",
    "TraitLabels",
    "TraitRequest",
    "TraitSource",
    "TraitValues",
    "audit_splits",
    "binary_labels",
    "choose_samples",
    "class_counts",
    "collapse_findings",
    "draw_folds",
    "draw_rounds",
    "find_column",
    "find_trait",
    "findings_table",
    "join_findings",
    "label_findings",
    "manifest_on_disk",
    "match_column",
    "number_column",
    "open_molecular",
    "parse_barcode",
    "parse_status",
    "patient_of",
    "patient_slides",
    "read_clinical",
    "read_manifest",
    "read_sample_sheet",
    "read_slides",
    "read_splits",
    "read_trait",
    "read_traits",
    "receptor_of_column",
    "receptor_record",
    "receptor_status",
    "sample_type_name",
    "slide_choices",
    "slide_findings",
    "slide_rules",
    "sort_findings",
    "survival_findings",
    "survival_patients",
    "survival_record",
    "survival_times",
    "trait_findings",
    "trait_labels",
    "trait_sets",
    "verdict",
    "write_splits",
]
