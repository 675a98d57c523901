"""Cross-validation: every patient is judged, always by the fold that has not seen them."""

import json

import pandas as pd
import pytest

from cartopath.core.errors import TrainingError
from cartopath.methods.tile_classifier import training
from cartopath.study.run import Study
from cartopath.study.stages.divide import read_splits

TRAITS = ["MKI67", "hsa-miR-17-5p"]


@pytest.fixture(scope="module")
def root(run_quickly):
    return run_quickly("folds", splits={"scheme": "folds", "rounds": 4})


@pytest.fixture(scope="module")
def own_fold(root):
    splits = read_splits(Study.read(root))
    return splits[splits["set"] == "test"].set_index("patient_id")["round"]


def table(root, name):
    return pd.read_csv(root / "tables" / f"{name}.csv")


def test_every_patient_is_tested_in_one_fold(own_fold, root):
    assert own_fold.index.is_unique
    assert set(own_fold.index) == set(table(root, "slides")["patient_id"])


@pytest.mark.parametrize("trait", TRAITS)
def test_every_map_comes_from_the_fold_that_tests_the_patient(root, own_fold, trait):
    slides = table(root, "slides").set_index("slide_id")["patient_id"]
    for slide, patient in slides.items():
        tiles = pd.read_parquet(root / "scores" / "tile_classifier" / trait / f"{slide}.parquet")
        own = tiles[f"round_{own_fold[patient]}"]
        assert (tiles["score"] == own).all()
        assert (tiles["vote"] == (own > 0.5)).all()


@pytest.mark.parametrize("trait", TRAITS)
def test_that_fold_has_not_seen_the_patient(root, own_fold, trait):
    for patient, fold in own_fold.items():
        card = json.loads((root / "models" / "tile_classifier" / trait / f"round_{fold}" / "model.json").read_text())["card"]
        assert all(patient not in patients for patients in card["patients"].values())


def test_every_slide_is_mapped(root):
    assert len(list((root / "maps").glob("*.ome.tif"))) == 24
    assert set(table(root, "hti")["set"]) == {"test"}


@pytest.mark.parametrize("trait", TRAITS)
def test_a_network_is_judged_on_its_own_test_patients_alone(root, own_fold, trait):
    scores, metrics = table(root, "slide_scores"), table(root, "metrics")
    labelled = scores[(scores["trait"] == trait) & (scores["role"] == "labelled")]
    rows = metrics[(metrics["trait"] == trait) & (metrics["set"] == "test") & (metrics["level"] == "slide")]
    rows = rows[rows["metric"] == "auroc"].set_index("model")["n"]
    for fold in range(4):
        assert rows[f"round_{fold}"] == (labelled["patient_id"].map(own_fold) == fold).sum()
    assert rows["ensemble"] == len(labelled)


@pytest.mark.parametrize("trait", TRAITS)
def test_a_patient_has_the_class_drawn_without_them(root, own_fold, trait):
    labels = pd.read_parquet(root / "cohort" / "labels" / f"{trait}.parquet").set_index(["patient_id", "round"])["label"]
    scores = table(root, "slide_scores")
    own = scores[scores["trait"] == trait].set_index("patient_id")["label"].fillna("")
    assert all(own[patient] == labels[(patient, fold)] for patient, fold in own_fold.items())


def test_a_fold_that_failed_leaves_its_patients_without_a_map(
    root, own_fold, copy_tiles, write_study, run, quick, monkeypatch, tmp_path
):
    trains = training.train_classifier

    def fails_in_one_fold(train, validation, network, spec, **options):
        if spec.stream[1:] == ("MKI67", 2):
            raise TrainingError("out of luck")
        return trains(train, validation, network, spec, **options)

    monkeypatch.setattr(training, "train_classifier", fails_in_one_fold)
    copy_tiles(tmp_path / "study")
    study = write_study(tmp_path / "study", splits={"scheme": "folds", "rounds": 4})
    ran = run(study)
    assert set(ran.failed) == {"train MKI67 round 2"}
    without = set(own_fold.index[own_fold == 2])
    hti = table(study.root, "hti")
    assert set(hti["patient_id"]) == set(own_fold.index) - without
