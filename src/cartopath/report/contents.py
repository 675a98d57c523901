"""The sections of the report in their order."""

from __future__ import annotations

from collections.abc import Callable

from cartopath.report.blocks import Section
from cartopath.report.results import StudyResults
from cartopath.report.sections.attention_hotspots import attention_section
from cartopath.report.sections.attention_regression import regression_section
from cartopath.report.sections.cohort import cohort_section, findings_section, slides_section
from cartopath.report.sections.cox import cox_section
from cartopath.report.sections.fingerprints_arms import arms_section
from cartopath.report.sections.fingerprints_atlas import atlas_section, tissue_section
from cartopath.report.sections.fingerprints_identity import identity_section
from cartopath.report.sections.fingerprints_matching import matching_section
from cartopath.report.sections.fingerprints_pretraining import pretraining_section
from cartopath.report.sections.fingerprints_scores import receptor_section
from cartopath.report.sections.groups import groups_section
from cartopath.report.sections.heterogeneity import heterogeneity_section
from cartopath.report.sections.labels import labels_section, splits_section
from cartopath.report.sections.performance import performance_section
from cartopath.report.sections.provenance import failures_section, provenance_section
from cartopath.report.sections.quality import quality_section
from cartopath.report.sections.recovery import recovery_section
from cartopath.report.sections.scores import scores_section
from cartopath.report.sections.summary import summary_section
from cartopath.report.sections.survival import bulk_section, survival_section
from cartopath.report.sections.training import training_section

SECTIONS: tuple[Callable[[StudyResults], Section | None], ...] = (
    summary_section,
    recovery_section,
    cohort_section,
    slides_section,
    quality_section,
    labels_section,
    splits_section,
    pretraining_section,
    training_section,
    performance_section,
    scores_section,
    regression_section,
    attention_section,
    receptor_section,
    arms_section,
    tissue_section,
    matching_section,
    identity_section,
    atlas_section,
    heterogeneity_section,
    survival_section,
    bulk_section,
    groups_section,
    cox_section,
    findings_section,
    failures_section,
    provenance_section,
)
