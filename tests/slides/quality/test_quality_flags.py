"""Which slides and tiles are flagged, by which rule, and in which words."""

import numpy as np
import pandas as pd
import pytest

from cartopath.slides.quality import MEASURES, TILE_FLAGS, QualityLimits, quality_flags, tile_flags

COLUMNS = ["slide_id", "flag", "measure", "value", "limit", "rule", "message"]


def cohort(n=20, **changes):
    generator = np.random.default_rng(3)
    table = pd.DataFrame({"slide_id": [f"S{number:02d}" for number in range(n)]})
    for name in MEASURES:
        table[name] = 0.0
    table["tissue_mm2"] = generator.normal(100, 5, n)
    table["sharpness"] = generator.normal(0.2, 0.05, n)
    table["haematoxylin"], table["eosin"] = generator.normal(0.3, 0.02, n), generator.normal(0.2, 0.02, n)
    table["glass_brightness"] = generator.normal(243, 1, n)
    for name, values in changes.items():
        for row, value in values.items():
            table.loc[row, name] = value
    return table


def test_a_clean_cohort_has_no_flag_but_all_columns():
    flags = quality_flags(cohort())
    assert flags.empty
    assert list(flags.columns) == COLUMNS


def test_pen_is_told_in_plain_words_with_its_share():
    row = quality_flags(cohort(pen_share={4: 0.34})).iloc[0]
    assert (row["slide_id"], row["flag"], row["rule"]) == ("S04", "pen", "absolute")
    assert row["message"] == "pen on 34 % of the tissue"
    assert row["value"] == 0.34


def test_pen_on_glass_is_told_by_its_area():
    flags = quality_flags(cohort(pen_mm2={4: 2.5}))
    assert list(flags["measure"]) == ["pen_mm2"]
    assert "glass" in flags.iloc[0]["message"]


@pytest.mark.parametrize("flag", [*TILE_FLAGS, "unreadable"])
def test_each_share_has_a_limit_and_flags_from_it_on(flag):
    limit = QualityLimits().slide_share[flag]
    flags = quality_flags(cohort(**{f"{flag}_share": {0: limit, 1: 0.99 * limit}}))
    assert flags[["slide_id", "flag"]].to_numpy().tolist() == [["S00", flag]]


def test_the_worst_slide_comes_first():
    flags = quality_flags(cohort(fold_share={1: 0.2, 5: 0.6, 9: 0.4}))
    assert flags["slide_id"].tolist() == ["S05", "S09", "S01"]


@pytest.mark.parametrize(
    ("measure", "value", "flag"),
    [("sharpness", -0.4, "blur"), ("haematoxylin", 0.6, "stain"), ("eosin", 0.02, "stain"), ("glass_brightness", 200.0, "glass"),
     ("tissue_mm2", 10.0, "tissue-area")],
)  # fmt: skip
def test_a_slide_far_from_its_cohort_is_flagged(measure, value, flag):
    row = quality_flags(cohort(**{measure: {7: value}})).iloc[0]
    assert (row["slide_id"], row["flag"], row["measure"], row["rule"]) == ("S07", flag, measure, "cohort")
    assert "median" in row["message"]


def test_a_slide_sharper_than_its_cohort_is_not_flagged():
    assert quality_flags(cohort(sharpness={7: 1.5})).empty


def test_a_cohort_of_less_than_eight_slides_does_not_show_what_is_usual():
    assert quality_flags(cohort(7, sharpness={3: -0.4})).empty
    assert len(quality_flags(cohort(8, sharpness={3: -0.4}))) == 1


def test_a_difference_too_small_to_see_is_no_flaw_however_uniform_the_cohort():
    table = cohort(sharpness={3: 0.11})
    table.loc[table.index != 3, "sharpness"] = 0.2
    assert quality_flags(table).empty


def test_next_to_no_tissue_is_flagged_at_once():
    assert quality_flags(cohort(1, tissue_mm2={0: 0.04}))["flag"].tolist() == ["little-tissue"]


def test_missing_columns_and_values_raise_no_flag():
    assert quality_flags(pd.DataFrame({"slide_id": ["a"], "pen_share": [np.nan], "fold_share": [None]})).empty
    assert quality_flags(pd.DataFrame({"slide_id": pd.Series(dtype=str)})).empty


def test_other_limits_give_other_flags():
    limits = QualityLimits(slide_share=QualityLimits().slide_share | {"pen": 0.5})
    assert quality_flags(cohort(pen_share={4: 0.34}), limits).empty


def test_tiles_are_flagged_by_share_and_keep_their_index():
    tiles = pd.DataFrame(0.0, index=[5, 9], columns=list(TILE_FLAGS)).assign(blur=np.nan)
    tiles.loc[9, "pen"] = 0.3
    flags = tile_flags(tiles)
    assert flags.index.tolist() == [5, 9]
    assert flags.loc[9, "pen"]
    assert flags.to_numpy().sum() == 1
    assert all(kind.kind == "b" for kind in flags.dtypes)
