"""Which result tables a study has, which columns they promise, and which stage writes them."""

from __future__ import annotations

from dataclasses import dataclass

from cartopath.slides.quality import MEASURES

NUMBER_PREFIXES = ("round_", "share_")
"""Columns whose names start so are numbers, although their full names depend on the study."""


@dataclass(frozen=True)
class Schema:
    """Columns of one table.

    Attributes:
        stage: The stage of `cartopath run` (or the command) that writes it.
        text: Columns kept as they stand in the file.
        numbers: Columns that hold numbers or nothing.
        flags: Columns that hold true, false or nothing.
    """

    stage: str
    text: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """All promised columns."""
        return (*self.text, *self.numbers, *self.flags)


def schema(stage: str, text: str, numbers: str, flags: str = "") -> Schema:
    """Return a schema whose columns are named in words."""
    return Schema(stage, tuple(text.split()), tuple(numbers.split()), tuple(flags.split()))


SCHEMAS: dict[str, Schema] = {
    "cohort_flow": schema("bookkeeping", "step detail", "slides patients lost_slides lost_patients"),
    "slides": schema(
        "bookkeeping",
        "slide_id patient_id site status reason mpp_source backend backend_reason",
        "mpp width_px0 height_px0 tiles_grid tiles_edge tiles_no_tissue tiles_flawed tiles_unreadable tiles_background "
        "tiles_kept tissue_mm2 "
        "stain_red stain_green stain_blue stain_haematoxylin stain_eosin",
        "is_patient_slide",
    ),
    "labels": schema(
        "bookkeeping",
        "trait unit threshold_scope",
        "low_percentile high_percentile low_threshold high_threshold median n_patients n_high n_low n_ood n_ood_near n_missing",
    ),
    "splits": schema("bookkeeping", "trait round set", "n_patients n_slides n_high n_low n_ood"),
    "learning_curves": schema(
        "bookkeeping",
        "trait round",
        "chunk passes train_loss val_loss val_tile_auroc val_slide_auroc learning_rate",
        "is_best",
    ),
    "rounds": schema(
        "bookkeeping",
        "trait round",
        "chunks best_chunk val_slide_auroc val_tile_auroc rank seconds n_train_slides n_train_tiles",
        "in_ensemble",
    ),
    "slide_scores": schema(
        "evaluate", "trait slide_id patient_id set role ood label median_label", "value decile n_tiles ensemble"
    ),
    "metrics": schema("evaluate", "trait set model level metric reason", "n n_high n_low value low high"),
    "correlations": schema("evaluate", "trait set against kind reason", "n r low high p_value q_value"),
    "published": schema(
        "evaluate",
        "cohort trait source",
        "n_test auroc_rounds_mean auroc_ensemble spearman ours_auroc_rounds_mean ours_auroc_ensemble ours_low "
        "ours_high ours_n_test ours_spearman",
    ),
    "hti": schema("heterogeneity", "slide_id patient_id set", "n_tiles n_positive hti hti_observed", "is_patient_slide"),
    "hti_groups": schema("heterogeneity", "grouping group reason", "n median q1 q3 statistic p_value"),
    "hti_group_patients": schema("heterogeneity", "grouping group patient_id", "hti"),
    "survival_patients": schema("survival", "patient_id slide_id set group", "hti time_days event"),
    "survival_tests": schema(
        "survival",
        "analysis cut reason",
        "n_low n_middle n_high events_low events_high statistic p_value horizon_years",
    ),
    "survival_curves": schema("survival", "analysis group", "time_days survival low high at_risk events"),
    "cox": schema("survival", "model covariate warning", "n events hazard_ratio low high p_value c_index"),
    "recovery": schema("demo", "quantity planted recovered goal", "", "holds"),
    "slide_quality": schema("bookkeeping", "slide_id mpp_source backend", "mpp width_px0 height_px0 " + " ".join(MEASURES)),
    "quality_flags": schema("bookkeeping", "slide_id flag measure rule message", "value limit"),
    "findings": schema("check", "severity code subject message", ""),
}
