"""Which result tables tissue fingerprints add to a study, and which columns they promise."""

from __future__ import annotations

from cartopath.report.schemas import Schema, schema

FINGERPRINT_SCHEMAS: dict[str, Schema] = {
    "matching": schema(
        "matching",
        "encoder game set unit reason",
        "n n_patients n_references accuracy low high chance top5",
    ),
    "look_alikes": schema(
        "matching",
        "encoder kind first second first_patient second_patient first_set second_set",
        "distance strength",
        "same_patient",
    ),
    "look_alike_borders": schema(
        "matching",
        "encoder border_from reason",
        "n_slides n_same n_other border duplicate_below n_pairs n_misplaced",
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
