"""Patients with several slides are one bag (F61); with folds everybody is predicted by the fold that never saw them."""

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cartopath.methods.attention import prediction
from cartopath.methods.attention.bags import BagPart, read_bags
from cartopath.methods.attention.patients import patient_values, plan_patients
from cartopath.methods.attention.prediction import plan_prediction, predict_slide
from cartopath.methods.encoding.embedding import embedded
from cartopath.methods.ensemble import wanted_scores
from cartopath.store.embeddings import read_embeddings
from cartopath.study.run import Study, completed_figures
from cartopath.study.tasks import write_receipt
from cartopath.training.fingerprint import read_fingerprint_card
from cartopath.training.mil import predict_bag, read_mil_bundle, read_mil_card

from ..fingerprints.conftest import untrained


@pytest.fixture(scope="module")
def tasks(attention_study):
    return [task for task in plan_prediction(Study.read(attention_study)) if task.trait == "MKI67"]


@pytest.fixture
def of_one_patient(attention_study):
    """The task of a patient to whom two slides were given, each of whose files it reads once."""
    study = Study.read(attention_study)
    first, second, third = [one for one in wanted_scores(study) if one.trait == "MKI67"][:3]
    second = replace(second, record=replace(second.record, patient_id=first.record.patient_id))
    (task,) = plan_patients(study, [first, second, third], embedded(study))
    return study, task, [first.record, second.record]


def test_a_patient_with_two_slides_is_predicted_from_the_tiles_of_both(attention_study, of_one_patient):
    _, task, _ = of_one_patient
    features = [read_embeddings(path)[0].features for path in task.arguments["embeddings"][0]]
    head = read_mil_bundle(attention_study / "models" / "attention" / "MKI67" / "round_0")
    together = predict_bag(head, np.concatenate(features)).score[0]
    assert len(features) == 2
    assert task.function(**task.arguments)["values"]["0"] == pytest.approx(together, rel=1e-6)


def test_the_value_of_a_patient_is_that_of_all_slides_or_of_the_only_one(of_one_patient):
    study, task, (first, _) = of_one_patient
    alone = patient_values(study, "MKI67", first.patient_id, [first.slide_id])
    assert alone == {
        int(r): v for r, v in completed_figures(study.layout, "predict", f"MKI67 {first.slide_id}")["values"].items()
    }
    assert not patient_values(study, "MKI67", first.patient_id, ["a", "b"])
    write_receipt(task, study.layout, {"values": {"0": 7.0}})
    try:
        assert patient_values(study, "MKI67", first.patient_id, ["a", "b"]) == {0: 7.0}
    finally:
        study.layout.receipt("predict", task.name).unlink()


def test_a_slide_reads_its_heads_and_its_features_once(tasks, monkeypatch, tmp_path):
    read = []
    for name in ("read_mil_bundle", "features_of"):
        original = getattr(prediction, name)
        monkeypatch.setattr(prediction, name, lambda *given, _f=original, _n=name: read.append((_n, given[0])) or _f(*given))
    arguments = tasks[0].arguments
    predict_slide(**{**arguments, "out": tmp_path / "scores.parquet"})
    assert len(read) == len(set(read))
    assert [name for name, _ in read].count("read_mil_bundle") == len(arguments["embeddings"])


def test_the_bag_of_a_patient_holds_the_tiles_that_train_of_every_slide(tasks, tmp_path):
    paths = [task.arguments["embeddings"][0] for task in tasks[:2]]
    parts = {"p": [BagPart(f"s{i}", path, [0, 2], tmp_path, "k") for i, path in enumerate(paths)]}
    (bag,) = read_bags(parts)
    expected = [read_embeddings(path)[0].features[[0, 2]] for path in paths]
    assert np.array_equal(bag.features, np.concatenate(expected))


@pytest.fixture(scope="module")
def folds(attention_study, write_attention, tmp_path_factory):
    folder = tmp_path_factory.mktemp("folds of attention") / "study"
    for name in ("cohort", "quality", "tiles", "embeddings", "models/attention/encoder_0"):
        shutil.copytree(attention_study / name, folder / name)
    for stage in ("cohort", "quality", "tiles", "pretrain", "embed"):
        shutil.copytree(attention_study / "receipts" / stage, folder / "receipts" / stage)
    (folder / "cohort" / "splits.parquet").unlink()
    from cartopath.methods import recipe_stages
    from cartopath.study.run import run_study

    study = write_attention(folder, splits={"scheme": "folds", "rounds": 3}, traits=["MKI67"], maps={"heterogeneity": []})
    left_out = {"maps", "hotspots", "gallery", "attention_maps", "survival", "heterogeneity"}
    summary = run_study(study, [stage for stage in recipe_stages(study.config) if stage.name not in left_out])
    assert not summary.failed, summary.failed
    return study


def test_with_folds_every_measured_patient_is_predicted_once(folds):
    patients = pd.read_csv(folds.layout.table("regression_patients"))
    assert len(patients) == patients["patient_id"].nunique() == 24


def test_with_folds_nobody_is_predicted_by_a_head_that_saw_them(folds):
    patients = pd.read_csv(folds.layout.table("regression_patients")).set_index("patient_id")
    for round_ in range(3):
        groups = read_mil_card(folds.layout.model("attention", "MKI67", round_)).card["patients"]
        seen = {patient for group in groups.values() for patient in group}
        own = patients.index[patients["test_round"] == round_]
        assert len(own)
        assert not seen & set(own)
        assert patients.loc[own, "predicted"].to_numpy() == pytest.approx(patients.loc[own, f"round_{round_}"].to_numpy())
        assert patients.drop(index=own)[f"round_{round_}"].isna().all()


@pytest.fixture(scope="module")
def own_encoders(attention_study, write_attention, attention_config, tmp_path_factory):
    """The study in folds, each with an encoder of its own, which learned nothing."""
    folder = tmp_path_factory.mktemp("own encoders") / "study"
    for name in ("cohort", "quality", "tiles"):
        shutil.copytree(attention_study / name, folder / name)
    for stage in ("cohort", "quality", "tiles"):
        shutil.copytree(attention_study / "receipts" / stage, folder / "receipts" / stage)
    (folder / "cohort" / "splits.parquet").unlink()
    from cartopath.methods import recipe_stages
    from cartopath.study.run import run_study

    regions = {"region_um": 150, "region_tissue": 0.5, "rotation": "right_angles"}
    method = {**attention_config["method"], "encoder": "own", "pretraining": regions}
    folds = {"scheme": "folds", "rounds": 3}
    study = write_attention(folder, method=method, splits=folds, traits=["MKI67"], maps={"heterogeneity": []})
    wanted = ("cohort", "splits", "labels", "quality", "tiles", "pretrain", "embed", "fit", "train", "ensemble", "predict")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("cartopath.methods.encoding.own.train_fingerprint", untrained)
        stages = [stage for stage in recipe_stages(study.config) if stage.name in (*wanted, "bookkeeping", "regression")]
        summary = run_study(study, stages)
    assert not summary.failed, summary.failed
    return study


def test_a_folds_heads_learn_from_its_own_encoder_which_has_not_seen_its_test_patients(own_encoders):
    splits = pd.read_parquet(own_encoders.layout.root / "cohort" / "splits.parquet")
    names = set()
    for fold in range(3):
        encoder = read_fingerprint_card(own_encoders.layout.encoder("attention", fold))
        head = read_mil_card(own_encoders.layout.model("attention", "MKI67", fold))
        tested = set(splits[(splits["round"] == fold) & (splits["set"] == "test")]["patient_id"])
        assert encoder.patients and not set(encoder.patients) & tested
        assert head.encoder.sha256 == encoder.weights_sha256
        assert head.encoder_dir == own_encoders.layout.encoder("attention", fold)
        names.add(encoder.weights_sha256)
    assert len(names) == 3


def test_with_an_encoder_per_fold_every_slide_is_scored_by_the_fold_that_never_saw_it(own_encoders):
    patients = pd.read_csv(own_encoders.layout.table("regression_patients")).set_index("patient_id")
    slides = pd.read_csv(own_encoders.layout.table("slides")).set_index("slide_id")["patient_id"]
    assert len(patients) == 24
    for slide, patient in slides.items():
        tiles = pd.read_parquet(own_encoders.layout.scores("attention", "MKI67", slide))
        fold = patients.loc[patient, "test_round"]
        assert [name for name in tiles if name.startswith("round_")] == [f"round_{fold}"]
        assert tiles["weight"].sum() == pytest.approx(1, abs=1e-4)
