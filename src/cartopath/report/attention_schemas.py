"""Which result tables attention adds to a study, and which columns they promise."""

from __future__ import annotations

from cartopath.report.schemas import Schema, schema

ATTENTION_SCHEMAS: dict[str, Schema] = {
    "regression": schema(
        "regression",
        "trait model unit reason",
        "n pearson pearson_low pearson_high pearson_p pearson_q pearson_holm spearman spearman_low spearman_high spearman_p "
        "spearman_q spearman_holm r2 mse slope slope_low slope_high intercept",
    ),
    "regression_patients": schema(
        "regression", "trait patient_id set unit", "test_round measured predicted standardised n_slides"
    ),
    "hotspots": schema("hotspots", "trait slide_id patient_id", "rank col row x_px0 y_px0 weight value score"),
    "attention_agreement": schema(
        "hotspots",
        "trait slide_id patient_id by reason",
        "n_tiles n_hotspots effective_tiles weight_in_hotspots spearman overlap overlap_by_chance value_in_hotspots "
        "value_of_slide",
    ),
    "gallery": schema(
        "hotspots",
        "trait unit slide_id patient_id",
        "bin n_bins low_edge high_edge n_patients rank measured col row x_px0 y_px0 weight value",
    ),
}
"""By the name of the table. A study that is not of attention has none of them, and its page says nothing of them."""
