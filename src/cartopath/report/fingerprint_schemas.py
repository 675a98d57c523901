"""Which result tables tissue fingerprints add to a study, and which columns they promise."""

from __future__ import annotations

from cartopath.report.schemas import Schema, schema

FINGERPRINT_SCHEMAS: dict[str, Schema] = {
    "pretraining": schema(
        "learning",
        "encoder",
        "n_regions n_patients chance chunk learning_rate train_loss style_distance val_loss val_accuracy",
        "is_best",
    ),
    "atlas": schema("atlas", "trait slide_id patient_id", "col row x_px0 y_px0 score x y cluster rank distance"),
    "atlas_clusters": schema("atlas", "trait side", "cluster x y mean_score n_tiles n_patients"),
    "by_tissue": schema(
        "by_tissue",
        "trait set tissue reason",
        "n_patients n_positive n_without n_tiles auroc low high all_tiles_auroc all_tiles_low all_tiles_high",
    ),
    "comparison": schema(
        "compare",
        "trait study method encoder auroc_reason rounds_auroc_reason",
        "n_patients n_high n_low "
        "auroc auroc_low auroc_high auroc_difference auroc_difference_low auroc_difference_high auroc_p "
        "rounds_auroc rounds_auroc_low rounds_auroc_high rounds_auroc_difference rounds_auroc_difference_low "
        "rounds_auroc_difference_high rounds_auroc_p",
    ),
    "matching": schema(
        "matching",
        "encoder game set unit reason",
        "n n_patients n_references accuracy low high chance top5",
    ),
    "look_alikes": schema(
        "matching",
        "encoder kind first second first_patient second_patient first_set second_set",
        "distance strength copy_distance",
        "same_patient",
    ),
    "look_alike_borders": schema(
        "matching",
        "encoder border_from reason copies_reason doubted_reason",
        "n_slides n_same n_other border duplicate_below n_pairs n_misplaced n_copied n_doubted",
    ),
    "identity_maps": schema(
        "identity_maps",
        "encoder piece_id patient_id half",
        "n_tiles probability share_right similarity n_pieces n_patients",
    ),
    "receptor_scores": schema(
        "receptor_maps",
        "trait patient_id set role label",
        "test_round n_slides n_tiles score",
    ),
    "roc_curves": schema("receptor_maps", "trait cohort model", "false_positive_rate true_positive_rate threshold"),
    "roc_bands": schema("receptor_maps", "trait cohort model", "false_positive_rate low high"),
    "roc_areas": schema("receptor_maps", "trait cohort model reason", "n n_high n_low value low high"),
    "abstention": schema(
        "receptor_maps",
        "trait cohort",
        "least_tiles coverage n accuracy accuracy_low accuracy_high auroc auroc_low auroc_high",
    ),
    "abstention_tests": schema("receptor_maps", "trait cohort reason", "n value low high"),
}
"""By the name of the table. A study that is not of fingerprints has none of them, and its page says nothing of them."""
