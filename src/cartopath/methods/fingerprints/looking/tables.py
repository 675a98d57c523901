"""Columns of the tables that looking at fingerprints writes."""

MATCHING_COLUMNS = [
    *("encoder", "game", "set", "unit", "n", "n_patients", "n_references", "accuracy", "low", "high", "chance", "top5"),
    "reason",
]
"""One row per encoder, game and set: how often tissue finds itself."""

PAIR_COLUMNS = [
    *("encoder", "kind", "first", "second", "first_patient", "second_patient", "first_set", "second_set", "same_patient"),
    *("distance", "strength", "copy_distance"),
]
"""One row per pair of slides that contradicts its labels, or per misplaced slide, which has no second."""

BORDER_COLUMNS = [
    *("encoder", "n_slides", "n_same", "n_other", "border", "duplicate_below", "border_from", "n_pairs", "n_misplaced"),
    *("reason", "n_copied", "copies_reason", "n_doubted", "doubted_reason"),
]
"""One row: from which distance on slides contradict their labels."""

IDENTITY_COLUMNS = [
    *("encoder", "piece_id", "patient_id", "half", "n_tiles", "probability", "share_right", "similarity"),
    *("n_pieces", "n_patients"),
]
"""One row per region and half: how well the encoder recognises it."""
