"""Slides that are broken, unusable or excluded are lines with reasons; the others go on."""

import shutil

import pandas as pd
import pytest

from cartopath.core.errors import ConfigError, TrainingError
from cartopath.methods.tile_classifier import training
from cartopath.report import write_report
from cartopath.study.ledger import read_ledger
from cartopath.study.run import Study, TaskFailedError

FAILING = {
    "broken": "broken.tif",
    "nompp": "slides.assume_mpp",
    "coarse": "4 um",
    "absent": "no such slide",
}
EXCLUDED = {"blurred": "out of focus", "nobody": "no patient", "unnamed": "no such file"}


@pytest.fixture(scope="module")
def rough_study(run_quickly, rough_cohort):
    """A study of the rough cohort, run to its end."""
    slides = {"dir": (rough_cohort / "slides").as_posix(), "table": (rough_cohort / "slides.csv").as_posix()}
    return run_quickly("rough_study", failures=True, slides=slides)


@pytest.fixture(scope="module")
def slides(rough_study):
    return pd.read_csv(rough_study / "tables" / "slides.csv").set_index("slide_id")


@pytest.fixture(scope="module")
def flow(rough_study):
    return pd.read_csv(rough_study / "tables" / "cohort_flow.csv")


@pytest.mark.parametrize("name", FAILING)
def test_a_slide_that_cannot_be_used_is_a_line_in_the_ledger_with_its_reason(rough_study, name):
    entries = [entry for entry in read_ledger(rough_study / "ledger.jsonl") if entry["task"] == name]
    assert [(entry["stage"], entry["outcome"]) for entry in entries] == [("quality", "failed")]
    assert FAILING[name] in entries[0]["reason"]
    assert "Traceback" not in entries[0]["reason"]


@pytest.mark.parametrize("name", FAILING)
def test_a_slide_that_cannot_be_used_is_a_row_of_the_slide_table_with_its_reason(slides, name):
    assert slides.loc[name, "status"] == "failed"
    assert FAILING[name] in slides.loc[name, "reason"]


@pytest.mark.parametrize("name", EXCLUDED)
def test_a_slide_that_is_left_out_is_a_row_with_its_reason_and_never_opened(slides, rough_study, name):
    assert (slides.loc[name, "status"], slides.loc[name, "reason"]) == ("excluded", EXCLUDED[name])
    assert not any(entry["task"] == name for entry in read_ledger(rough_study / "ledger.jsonl"))


def test_a_slide_without_tissue_is_a_row_with_its_reason(slides):
    assert (slides.loc["empty", "status"], slides.loc["empty", "reason"]) == ("failed", "no tile with enough tissue")
    assert slides.loc["empty", "tiles_kept"] == 0


def test_the_others_go_on_as_if_those_were_not_there(slides, rough_study):
    used = slides[slides["status"] == "used"]
    assert len(used) == 24
    scores = pd.read_csv(rough_study / "tables" / "slide_scores.csv")
    assert set(scores["slide_id"]) == set(used.index)


def test_slides_that_were_opened_have_their_measures(slides):
    used = slides[slides["status"] == "used"]
    assert used[["mpp", "mpp_source", "width_px0", "height_px0", "backend", "tissue_mm2", "stain_red"]].notna().all(axis=None)
    assert (used["width_px0"] * used["mpp"]).between(340, 360).all()
    grid = used[["tiles_edge", "tiles_no_tissue", "tiles_flawed", "tiles_unreadable", "tiles_background", "tiles_kept"]].sum(
        axis=1
    )
    assert (grid == used["tiles_grid"]).all()


class TestTheCohortFlow:
    def test_adds_up_from_step_to_step(self, flow):
        for what in ("slides", "patients"):
            assert (flow[what].shift().dropna() - flow[what].iloc[1:] == flow[f"lost_{what}"].iloc[1:]).all()

    def test_begins_with_every_slide_and_ends_with_those_that_can_be_evaluated(self, flow, slides):
        assert flow["slides"].iloc[0] == len(slides)
        assert flow["slides"].iloc[-1] == (slides["status"] == "used").sum()

    def test_loses_each_slide_where_it_was_lost(self, flow):
        lost = dict(zip(flow["step"], flow["lost_slides"], strict=True))
        assert lost["not excluded"] == len(EXCLUDED)
        assert lost["readable, with enough tissue"] == len(FAILING) + 1

    def test_says_where_to_look_where_something_was_lost_and_nothing_elsewhere(self, flow):
        assert (flow["detail"].notna() == (flow["lost_slides"] > 0)).all()


def test_a_slide_that_was_mended_is_used_and_the_others_are_kept(
    rough_study, rough_cohort, small_cohort, write_study, run, quick, tmp_path
):
    root = shutil.copytree(rough_study, tmp_path / "study")
    cohort = shutil.copytree(rough_cohort, tmp_path / "cohort", symlinks=True)
    (cohort / "slides" / "broken.tif").unlink()
    shutil.copy(next((small_cohort / "slides").iterdir()), cohort / "slides" / "broken.tif")
    slides = {"dir": (cohort / "slides").as_posix(), "table": (cohort / "slides.csv").as_posix()}
    study = Study(write_study(root, slides=slides).config, root, redraw_splits=True)
    ran = run(study, until="bookkeeping")
    assert ran.done["tiles"] == {"broken"}
    assert set(ran.failed) == {"quality nompp", "quality coarse", "quality absent"}
    table = pd.read_csv(root / "tables" / "slides.csv").set_index("slide_id")
    assert table.loc["broken", "status"] == "used"
    assert pd.isna(table.loc["broken", "reason"])


def test_a_folder_without_slides_is_told_so(tmp_path, write_study, run):
    (tmp_path / "none").mkdir()
    study = write_study(tmp_path / "study", slides={"dir": (tmp_path / "none").as_posix(), "table": None})
    with pytest.raises(ConfigError, match=r"slides\.dir: no slide in .*none"):
        run(study)


def test_a_table_that_is_not_there_is_named(tmp_path, write_study, run):
    with pytest.raises(ConfigError, match=r"absent\.tsv: no such table; check molecular\.table and clinical\.table"):
        run(write_study(tmp_path / "study", molecular={"table": "absent.tsv"}))


def test_a_trait_that_no_table_has_is_named_with_the_closest(tmp_path, write_study, run):
    with pytest.raises(TaskFailedError, match=r"no trait 'MKI76' in EBPlusPlus.*closest: MKI67"):
        run(write_study(tmp_path / "study", traits=["MKI76"]))


def test_every_training_may_fail_and_the_study_still_ends_with_its_tables(
    tmp_path, copy_tiles, write_study, run, quick, monkeypatch
):
    def fails(*args, **options):
        raise TrainingError("the loss is no longer a number")

    monkeypatch.setattr("cartopath.methods.tile_classifier.training.train_classifier", fails)
    copy_tiles(tmp_path / "study")
    study = write_study(tmp_path / "study")
    ran = run(study)
    assert set(ran.failed) == {f"train {t} round {r}" for t in ("MKI67", "hsa-miR-17-5p") for r in (0, 1)}
    assert set(ran.failed.values()) == {"the loss is no longer a number"}
    for path in (study.root / "tables").glob("*.csv"):
        pd.read_csv(path)  # readable, with a header even where it has no rows
    tests = pd.read_csv(study.layout.table("survival_tests"))
    assert tests["reason"].notna().all()
    assert write_report(study.root, title="nothing").is_file()


def test_one_training_that_fails_leaves_the_other_rounds_to_vote(tmp_path, copy_tiles, write_study, run, quick, monkeypatch):
    trains = training.train_classifier

    def fails_once(train, validation, network, spec, **options):
        if spec.stream[1:] == ("MKI67", 1):
            raise TrainingError("out of luck")
        return trains(train, validation, network, spec, **options)

    monkeypatch.setattr(training, "train_classifier", fails_once)
    copy_tiles(tmp_path / "study")
    study = write_study(tmp_path / "study")
    ran = run(study)
    assert ran.failed == {"train MKI67 round 1": "out of luck"}
    rounds = pd.read_csv(study.layout.table("rounds"))
    assert rounds.loc[rounds["trait"] == "MKI67", ["round", "in_ensemble"]].to_numpy().tolist() == [[0, True]]
    scores = pd.read_csv(study.layout.table("slide_scores"))
    assert scores.loc[scores["trait"] == "MKI67", "round_1"].isna().all()
    assert scores["ensemble"].notna().all()


def test_a_training_that_fails_after_a_change_leaves_no_older_network_to_vote(quick_copy, write_study, run, monkeypatch):
    trains = training.train_classifier

    def fails_once(train, validation, network, spec, **options):
        if spec.stream[1:] == ("MKI67", 1):
            raise TrainingError("out of luck")
        return trains(train, validation, network, spec, **options)

    assert set(pd.read_csv(quick_copy / "tables" / "rounds.csv").query("trait == 'MKI67'")["round"]) == {0, 1}
    monkeypatch.setattr(training, "train_classifier", fails_once)
    run(write_study(quick_copy, training={"max_chunks": 2}))
    assert set(pd.read_csv(quick_copy / "tables" / "rounds.csv").query("trait == 'MKI67'")["round"]) == {0}


def test_a_slide_that_is_no_longer_readable_leaves_no_older_tiles_behind(quick_copy, write_study, run, small_cohort, tmp_path):
    table = pd.read_csv(small_cohort / "slides.csv", dtype=str, keep_default_na=False)
    table["path"] = [(small_cohort / path).as_posix() for path in table["path"]]
    (tmp_path / "damaged.tif").write_bytes(b"no slide any more")
    table.loc[3, "path"] = (tmp_path / "damaged.tif").as_posix()
    table.to_csv(quick_copy / "slides.csv", index=False)
    ran = run(write_study(quick_copy, slides={"table": "slides.csv"}))
    slide = table["slide_id"][3]
    assert set(ran.failed) == {f"quality {slide}"}
    assert slide not in set(pd.read_csv(quick_copy / "tables" / "slide_scores.csv")["slide_id"])
    assert slide not in set(pd.read_csv(quick_copy / "tables" / "hti.csv")["slide_id"])
