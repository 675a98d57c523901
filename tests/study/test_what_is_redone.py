"""A change of the study file redoes exactly what depends on it."""

import pandas as pd
import pytest

AFTER_SCORES = {"bookkeeping", "evaluate", "maps", "heterogeneity", "survival", "report"}
AFTER_LABELS = {"train", "ensemble", "predict"} | AFTER_SCORES

CHANGES = {
    "nothing": ({}, set()),
    "name": ({"name": "renamed"}, {"report"}),
    "survival.cut": ({"survival": {"cut": 0.4}}, {"survival", "report"}),
    "survival.horizon_years": ({"survival": {"horizon_years": 5}}, {"survival", "report"}),
    "survival.groups": ({"survival": {"groups": ["SEX"]}}, {"cohort", "heterogeneity", "survival", "report"}),
    "maps.base": ({"maps": {"base": "observed"}}, {"maps", "heterogeneity", "survival", "report"}),
    "maps.slides": ({"maps": {"slides": "all"}}, {"maps", "report"}),
    "maps.region_tiles": ({"maps": {"region_tiles": 3}}, {"heterogeneity", "survival", "report"}),
    "cohort": ({"cohort": "TCGA-BRCA"}, {"evaluate", "report"}),
    "method.threshold": ({"method": {"threshold": 0.4}}, {"ensemble", "predict"} | AFTER_SCORES),
    "training.max_chunks": ({"training": {"max_chunks": 2}}, AFTER_LABELS),
    "labels.low": ({"labels": {"low": 30}}, {"labels"} | AFTER_LABELS),
    "seed": ({"seed": 1}, {"splits", "labels"} | AFTER_LABELS),
    "tiles.size_px": ({"tiles": {"size_px": 80}}, {"quality", "tiles", "cache"} | AFTER_LABELS),
    "compute": ({"compute": {"batch_size": 7, "cache_gb": 0.001}}, {"report"} - {"report"}),
}


@pytest.mark.parametrize(("changes", "stages"), CHANGES.values(), ids=list(CHANGES))
def test_a_change_redoes_exactly_the_stages_that_depend_on_it(quick_copy, write_study, run, changes, stages):
    ran = run(write_study(quick_copy, **changes))
    assert set(ran.done) == stages
    assert not ran.failed


def test_another_trait_leaves_the_networks_of_the_others_alone(quick_copy, write_study, run):
    ran = run(write_study(quick_copy, traits=["MKI67", "hsa-miR-17-5p", "ESR1"]))
    assert ran.done["train"] == {"ESR1 round 0", "ESR1 round 1"}
    assert ran.done["labels"] == ran.done["ensemble"] == {"ESR1"}
    assert all(name.startswith("ESR1 ") for name in ran.done["predict"])
    assert not ran.done.keys() & {"splits", "tiles", "cache"}


def test_one_trait_less_trains_and_scores_nothing(quick_copy, write_study, run):
    ran = run(write_study(quick_copy, traits=["hsa-miR-17-5p"]))
    assert not ran.done.keys() & {"splits", "labels", "tiles", "cache", "train", "ensemble", "predict"}


def test_going_back_to_an_earlier_study_file_gives_the_earlier_tables(quick_copy, write_study, run):
    def tables():
        return {path.name: path.read_bytes() for path in (quick_copy / "tables").glob("*.csv")}

    before = tables()
    run(write_study(quick_copy, labels={"low": 30}, cohort="TCGA-BRCA"))
    assert tables() != before
    run(write_study(quick_copy))
    assert tables() == before


def test_published_results_go_when_the_study_is_no_longer_of_that_cohort(quick_copy, write_study, run):
    run(write_study(quick_copy, cohort="TCGA-BRCA"))
    assert (quick_copy / "tables" / "published.csv").is_file()
    run(write_study(quick_copy))
    assert not (quick_copy / "tables" / "published.csv").exists()


def test_maps_that_are_no_longer_asked_for_go(quick_copy, write_study, run):
    run(write_study(quick_copy, maps={"slides": "all"}))
    assert len(list((quick_copy / "maps").glob("*.ome.tif"))) == 24
    run(write_study(quick_copy, maps={"slides": "held_out"}))
    assert 0 < len(list((quick_copy / "maps").glob("*.ome.tif"))) < 24


def test_slides_that_turn_out_to_be_each_others_are_evaluated_anew(quick_copy, write_study, run, small_cohort):
    """Two patients' slides were swapped: neither has a class, so no network changes, but every statement about them does."""
    scores = pd.read_csv(quick_copy / "tables" / "slide_scores.csv")
    unlabelled = scores.groupby("patient_id").filter(lambda rows: (rows["role"] == "ood").all())["patient_id"].unique()
    assert len(unlabelled) >= 2
    one, other = unlabelled[:2]
    table = pd.read_csv(small_cohort / "slides.csv", dtype=str, keep_default_na=False)
    table["path"] = [(small_cohort / path).as_posix() for path in table["path"]]
    table["patient_id"] = table["patient_id"].replace({one: other, other: one})
    table.to_csv(quick_copy / "mended.csv", index=False)
    ran = run(write_study(quick_copy, slides={"table": "mended.csv"}))
    assert not ran.done.keys() & {"labels", "tiles", "train", "ensemble", "predict"}
    mended = pd.read_csv(quick_copy / "tables" / "slide_scores.csv").set_index(["trait", "slide_id"])
    before = scores.set_index(["trait", "slide_id"])
    slide = scores.loc[scores["patient_id"] == one, "slide_id"].iloc[0]
    other_slide = scores.loc[scores["patient_id"] == other, "slide_id"].iloc[0]
    for trait in ("MKI67", "hsa-miR-17-5p"):
        assert mended.loc[(trait, slide), "patient_id"] == other
        assert mended.loc[(trait, slide), "value"] == before.loc[(trait, other_slide), "value"]
        assert mended.loc[(trait, slide), "ensemble"] == before.loc[(trait, slide), "ensemble"]
