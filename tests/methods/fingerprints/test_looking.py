"""Looking at the fingerprints of a study: matching game, look-alikes, identity maps, receptor maps, what scores are worth."""

import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cartopath.maps.receptor_map import NO_TISSUE
from cartopath.methods.fingerprints.looking import plan_identity_maps, plan_matching, plan_receptor_maps
from cartopath.methods.fingerprints.looking.identity import chosen_pieces
from cartopath.methods.fingerprints.looking.look_alikes import contradictions
from cartopath.methods.fingerprints.looking.matching import played
from cartopath.methods.fingerprints.looking.outcome_tables import TABLES, outcome_tables
from cartopath.methods.fingerprints.looking.receptors import read_types
from cartopath.methods.fingerprints.looking.slide_means import SlideMeans
from cartopath.models.fingerprint import FingerprintSpec
from cartopath.stats import auroc
from cartopath.store.artifacts import Header, write_table
from cartopath.study.run import Stage, Study, run_study
from cartopath.study.stages.scores import SlideGeometry
from cartopath.training.fingerprint import FingerprintCard

TRAITS = ["MKI67", "hsa-miR-17-5p"]


def receptor_maps(study):
    """The tables, one panel and the maps of one slide: all would take long and show no more."""
    tasks = {task.name: task for task in plan_receptor_maps(study)}
    slide = next(name for name in tasks if name.startswith("TCGA") and len(tasks[name].outputs) == 2)
    return [tasks["tables"], tasks[f"panel {TRAITS[1]}"], tasks[slide]]


STAGES = (
    Stage("matching", plan_matching, "match halves of slides"),
    Stage("identity_maps", plan_identity_maps, "draw identity maps"),
    Stage("receptor_maps", receptor_maps, "draw receptor maps"),
)


@pytest.fixture(scope="module")
def looked(fingerprints_study, tmp_path_factory):
    """The small study after its fingerprints have been looked at."""
    root = shutil.copytree(fingerprints_study, tmp_path_factory.mktemp("looked") / "study")
    summary = run_study(Study.read(root), STAGES)
    assert not summary.failed, summary.failed
    return root


def table(root, name):
    return pd.read_csv(root / "tables" / f"{name}.csv")


class TestStudy:
    def test_is_matched_apart_for_patients_of_the_pretraining_and_others(self, looked, patients_tested):
        games = table(looked, "matching").set_index(["set", "unit"])
        n_test = len(patients_tested(looked, 0))
        assert games.loc[("held_out", "patient"), "n_patients"] == n_test
        assert games.loc[("trained", "patient"), "n_patients"] == 24 - n_test
        assert games.loc[("held_out", "slide"), "chance"] == pytest.approx(1 / n_test)

    def test_has_a_border_or_a_reason_for_none(self, looked):
        border = table(looked, "look_alike_borders").iloc[0]
        assert border["n_slides"] == 24
        assert np.isfinite(border["border"]) != isinstance(border["reason"], str)

    def test_has_identity_maps_of_regions_of_the_pretraining(self, looked, patients_tested):
        rows = table(looked, "identity_maps")
        assert len(rows) == 12
        assert not set(rows["patient_id"]) & patients_tested(looked, 0)
        assert rows[["probability", "share_right", "similarity"]].stack().between(0, 1).all()
        for kind in ("identity", "similarity"):
            with Image.open(looked / "maps" / "identity" / f"encoder_0_{kind}.png") as picture:
                assert picture.width <= 1200

    def test_scores_a_patient_by_the_mean_of_all_tiles(self, looked):
        row = table(looked, "receptor_scores").iloc[-1]
        tiles = [
            pd.read_parquet(path)["score"]
            for path in (looked / "scores" / "fingerprints" / row["trait"]).glob(f"{row['patient_id']}*.parquet")
        ]
        assert row["n_slides"] == len(tiles)
        assert row["score"] == pytest.approx(2 * pd.concat(tiles).mean() - 1, abs=1e-6)

    def test_scores_nobody_who_trained_a_network(self, looked, patients_tested):
        rows = table(looked, "receptor_scores")
        tested = rows["patient_id"].isin(patients_tested(looked, 0))
        assert (tested | (rows["role"] != "labelled")).all()

    def test_paints_every_tile_with_its_score(self, looked):
        (path,) = (looked / "maps" / "receptors").glob(f"TCGA*_{TRAITS[0]}.png")
        slide = path.stem.removesuffix(f"_{TRAITS[0]}")
        scores = pd.read_parquet(looked / "scores" / "fingerprints" / TRAITS[0] / f"{slide}.parquet")["score"]
        with Image.open(path) as picture:
            shown = {colour for _, colour in picture.convert("RGB").getcolors(1 << 24)}
        assert {(grey,) * 3 for grey in np.floor(scores.to_numpy(float) * 255 + 0.5).astype(int)} <= shown
        assert NO_TISSUE in shown

    def test_is_looked_at_once(self, looked):
        assert run_study(Study.read(looked), STAGES).n_done == 0


def slides_of(n_patients, *, per_patient=2, noise=0.15, seed=0):
    """Made-up slides whose fingerprints differ between patients more than within."""
    rng = np.random.default_rng(seed)
    slides = []
    for patient in range(n_patients):
        centre = rng.normal(size=16)
        for number in range(per_patient):
            left, right = (centre + noise * rng.normal(size=(2, 16))) / 4
            slides.append(SlideMeans(f"S{patient:02}-{number}", f"P{patient:02}", left, right, (left + right) / 2))
    return slides


def test_planted_patients_are_matched_and_chance_is_that_of_guessing():
    games = pd.DataFrame(played("encoder 0", slides_of(20), {f"P{i:02}" for i in range(12)}, seed=0))
    by = games.set_index(["game", "set", "unit"])
    assert (by["accuracy"] > 0.4).all()
    assert (by.xs("patient", level="unit")["accuracy"] == 1.0).all()
    assert by.loc[("halves", "trained", "slide"), "chance"] == pytest.approx(1 / 24)
    assert by.loc[("slides", "held_out", "patient"), "n"] == 8


def test_fingerprints_of_noise_are_matched_by_chance():
    games = pd.DataFrame(played("encoder 0", slides_of(100, per_patient=1, noise=50.0), set(), seed=0))
    assert games["set"].unique().tolist() == ["all"]
    assert (games["accuracy"] < 0.08).all()


def test_a_single_slide_cannot_play_and_the_table_says_so():
    (slide, patient) = played("encoder 0", slides_of(1, per_patient=1), set(), seed=0)
    assert "fewer than two slides" in slide["reason"]
    assert "fewer than two slides" in patient["reason"]


def coarse_slides(*, seed=4):
    """Forty slides of forty patients whose fingerprints tell more of how halves were stained than of the tissue; 39 copies 7."""
    rng = np.random.default_rng(seed)
    tissue = rng.normal(size=(40, 1, 16)) + 0.5 * rng.normal(size=(40, 2, 16))
    tissue[39] = tissue[7] + 0.05 * rng.normal(size=(2, 16))
    halves = np.concatenate([tissue, 5 * rng.normal(size=(40, 2, 2))], axis=2)
    return [SlideMeans(f"S{i:02}", f"P{i:02}", *halves[i], halves[i].mean(axis=0)) for i in range(40)]


def test_a_copy_in_another_stain_is_found_by_its_halves_alone():
    pairs, border = contradictions("encoder 0", coarse_slides(), {"P07": "train_validation", "P39": "test"})
    assert border.iloc[0]["n_copied"] == 1
    (row,) = pairs[pairs["kind"] == "copied"].to_dict("records")
    assert (row["first"], row["second"], row["first_set"], row["second_set"]) == ("S07", "S39", "train_validation", "test")
    assert 0 < row["copy_distance"] < 0.75
    assert "duplicate" not in set(pairs["kind"])


def test_fingerprints_that_see_nothing_name_no_copies():
    pairs, border = contradictions("encoder 0", slides_of(60, per_patient=1, noise=50.0), {})
    assert "copied" not in set(pairs["kind"])
    assert border.iloc[0]["copies_reason"].endswith("are as near as copies: these fingerprints see too little to tell")


def two_slides_each(*, swapped, seed=0):
    """Forty patients with two slides, told apart beside stronger directions of the stain; some have each other's second slide."""
    rng = np.random.default_rng(seed)
    tissue = np.repeat(rng.normal(size=(40, 1, 6)), 2, axis=1) + 0.1 * rng.normal(size=(40, 2, 6))
    for one, other in swapped:
        tissue[[one, other], 1] = tissue[[other, one], 1]
    slides = np.concatenate([tissue, 3 * rng.normal(size=(40, 2, 4))], axis=2)
    halves = slides[:, :, None] + 0.05 * rng.normal(size=(40, 2, 2, 10))
    return [
        SlideMeans(f"S{i:02}-{number}", f"P{i:02}", *halves[i, number], halves[i, number].mean(axis=0))
        for i in range(40)
        for number in range(2)
    ]


def test_swapped_slides_are_told_by_what_slides_of_other_patients_have_in_common():
    pairs, border = contradictions("encoder 0", two_slides_each(swapped=[(3, 30)]), {"P03": "test"})
    assert border.iloc[0]["n_doubted"] == 4
    found = pairs[pairs["kind"] == "contradicted"]
    assert set(zip(found["first"], found["second"], strict=True)) == {("S03-0", "S03-1"), ("S30-0", "S30-1")}
    assert found["same_patient"].all() and (found["strength"] > 0).all()


def test_right_labels_are_not_doubted():
    pairs, border = contradictions("encoder 0", two_slides_each(swapped=[]), {})
    assert "contradicted" not in set(pairs["kind"])
    assert border.iloc[0]["n_doubted"] == 0


def test_too_few_patients_with_two_slides_are_said_to_be():
    _, border = contradictions("encoder 0", slides_of(7), {})
    assert "7 patients have two slides or more; at least 12 are needed" in border.iloc[0]["doubted_reason"]


def test_a_few_slides_are_too_few_to_look_for_copies():
    _, border = contradictions("encoder 0", slides_of(7, per_patient=1), {})
    assert border.iloc[0]["copies_reason"] == "7 slides have tissue in both halves; 8 are needed"


def test_planted_duplicates_and_swaps_are_found_with_their_sets():
    slides = slides_of(30)
    copy = slides[0]
    slides.append(SlideMeans("copy", "P99", copy.left, copy.right, copy.whole))
    swapped = [
        SlideMeans(s.slide_id, {"S10-0": "P11", "S11-0": "P10"}.get(s.slide_id, s.patient_id), s.left, s.right, s.whole)
        for s in slides
    ]
    pairs, border = contradictions("encoder 0", swapped, {"P00": "train_validation", "P99": "test"})
    assert border.iloc[0]["border"] > 0
    duplicate = pairs[pairs["kind"] == "duplicate"]
    assert set(duplicate[["first", "second"]].iloc[0]) == {"S00-0", "copy"}
    assert set(duplicate[["first_set", "second_set"]].iloc[0]) == {"train_validation", "test"}
    assert set(pairs.loc[pairs["kind"] == "misplaced", "first"]) == {"S10-0", "S10-1", "S11-0", "S11-1"}
    named = set(pairs["first"]) | set(pairs["second"]) - {""}
    assert named <= {"copy", "S00-0", "S00-1", "S10-0", "S10-1", "S11-0", "S11-1"}


def test_regions_are_drawn_of_patients_all_over_the_cohort():
    pieces = [f"S{i:02}@{n},0" for i in range(20) for n in (0, 800)]
    patients = tuple(f"P{i // 2:02}" for i in range(40))
    card = FingerprintCard(spec=FingerprintSpec(), pieces=tuple(pieces), patients=patients, card={}, weights_sha256="")
    assert [patient for _, patient in chosen_pieces(card, most=3)] == ["P00", "P10", "P19"]
    assert len({patient for _, patient in chosen_pieces(card)}) == 6


def test_types_of_tissue_lie_where_their_tiles_are(tmp_path):
    tiles = pd.DataFrame({"col": [0, 2], "row": [1, 0], "type": ["fat", "stroma"]})
    write_table(tiles, tmp_path / "types.parquet", Header(kind="tissue_types", meta={"types": ["stroma", "fat"]}))
    found = read_types(tmp_path / "types.parquet", SlideGeometry(n_rows=2, n_cols=3, window_px0=224, mpp=0.5))
    assert found.codes.tolist() == [[-1, -1, 0], [1, -1, -1]]
    assert found.names == ("stroma", "fat")


@pytest.fixture(scope="module")
def judged():
    rng = np.random.default_rng(1)
    positive = rng.random(90) < 0.5
    score = np.tanh(np.where(positive, 0.4, -0.4) + 0.6 * rng.normal(size=90))
    rows = {"trait": "ER", "label": np.where(positive, "hi", "lo"), "score": score, "n_tiles": rng.integers(9, 400, 90)}
    return pd.DataFrame(rows | {"test_round": np.arange(90) % 5, "patient_id": [f"P{i}" for i in range(90)]})


def test_every_fold_has_its_curve_and_all_patients_one_with_a_band(judged):
    found = outcome_tables(judged, seed=0)
    assert set(found) == set(TABLES)
    assert found["roc_areas"]["model"].tolist() == ["all", *(f"fold_{i}" for i in range(5))]
    assert set(found["roc_bands"]["model"]) == {"all"}


def test_the_area_under_each_curve_of_the_table_is_its_auroc(judged):
    found = outcome_tables(judged, seed=0)
    areas = found["roc_areas"].set_index("model")["value"]
    for model, curve in found["roc_curves"].groupby("model"):
        area = np.trapezoid(curve["true_positive_rate"], curve["false_positive_rate"])
        assert area == pytest.approx(areas[model])
        assert curve["threshold"].is_monotonic_decreasing


def test_a_fold_is_judged_by_its_own_patients(judged):
    own = judged[judged["test_round"] == 2]
    areas = outcome_tables(judged, seed=0)["roc_areas"].set_index("model")
    assert areas.loc["fold_2", "n"] == len(own)
    assert areas.loc["fold_2", "value"] == pytest.approx(auroc(own["label"] == "hi", own["score"]))


def test_rounds_are_judged_by_all_patients(judged):
    rounds = judged.drop(columns="test_round").assign(round_0=judged["score"], round_1=-judged["score"])
    areas = outcome_tables(rounds, seed=0)["roc_areas"].set_index("model")
    assert areas["n"].tolist() == [90, 90, 90]
    assert areas.loc["round_1", "value"] == pytest.approx(1 - areas.loc["all", "value"])


def test_a_cohort_of_one_class_has_a_reason_and_no_curve(judged):
    found = outcome_tables(judged[judged["label"] == "hi"], cohort="external", seed=0)
    assert found["roc_curves"].empty
    assert "labels are positive" in found["roc_areas"]["reason"].iloc[0]
    assert set(found["abstention"]["cohort"]) == {"external"}


def test_right_answers_alone_leave_nothing_to_tell(judged):
    easy = judged.assign(score=np.where(judged["label"] == "hi", 0.9, -0.9))
    assert outcome_tables(easy, seed=0)["abstention_tests"]["reason"].iloc[0] == "all 90 answers are right"
