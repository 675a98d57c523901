"""Patients with several slides are one bag (F61); with folds everybody is predicted by the fold that never saw them."""

import shutil

import numpy as np
import pandas as pd
import pytest

from cartopath.methods.attention.bags import BagPart, read_bags
from cartopath.methods.attention.prediction import plan_prediction, predict_slide
from cartopath.store.embeddings import read_embeddings
from cartopath.study.run import Study
from cartopath.training.mil import predict_bag, read_mil_bundle, read_mil_card


@pytest.fixture(scope="module")
def tasks(attention_study):
    return [task for task in plan_prediction(Study.read(attention_study)) if task.trait == "MKI67"]


def test_a_patient_with_two_slides_is_predicted_from_the_tiles_of_both(attention_study, tasks, tmp_path):
    one, other = (task.arguments for task in tasks[:2])
    figures = predict_slide(**{**one, "others": [other["embeddings"]], "out": tmp_path / "scores.parquet"})
    features = [read_embeddings(given["embeddings"][0])[0].features for given in (one, other)]
    head = read_mil_bundle(attention_study / "models" / "attention" / "MKI67" / "round_0")
    together = predict_bag(head, np.concatenate(features)).score[0]
    assert figures["patient_values"]["0"] == pytest.approx(together, rel=1e-6)
    assert figures["values"]["0"] == pytest.approx(predict_bag(head, features[0]).score[0], rel=1e-6)
    alone = predict_slide(**{**one, "out": tmp_path / "scores.parquet"})
    assert alone["patient_values"] == alone["values"]


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
