"""Types of tissue in a small study of fingerprints, by a model that learned nothing."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest

from cartopath.methods.fingerprints import by_tissue
from cartopath.methods.tissue_types.model import write_tissue_model
from cartopath.stats import auroc
from cartopath.store.artifacts import read_table
from cartopath.study.executors import SerialExecutor
from cartopath.study.run import Silent, Stage, Study, run_tasks


def by_place(model, tiles, *, mpp, device, threads):
    """Say that a tile's type follows from where it lies, so that all types occur on every slide."""
    assert model.types == ("background", "epithelium", "stroma")
    return np.eye(3)[(tiles.xy_px0 // tiles.window_px0).sum(axis=1) % 3]


@pytest.fixture(scope="module")
def measured(fingerprints_study, tmp_path_factory):
    """The study with its tiles typed and the table written, in a copy."""
    from cartopath.models import weights_of
    from cartopath.models.fingerprint import FingerprintSpec, build_fingerprint_network

    root = shutil.copytree(fingerprints_study, tmp_path_factory.mktemp("tissue") / "study")
    spec = FingerprintSpec(backbone="test_resnet", n_features=16, size_px=16, mpp=2.0)
    types = ("background", "epithelium", "stroma")
    weights = weights_of(build_fingerprint_network(spec, n_pieces=3, seed=1))
    write_tissue_model(root / "tissue", spec=spec, weights=weights, types=types, card={})
    study = Study.read(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(by_tissue, "tissue_model", lambda study: root / "tissue")
        patch.setattr(by_tissue, "type_probabilities", by_place)
        for name, plan in ((by_tissue.TYPES_STAGE, by_tissue.plan_tissue_types), (by_tissue.STAGE, by_tissue.plan_by_tissue)):
            summary = run_tasks(Stage(name, plan, ""), plan(study), study.layout, SerialExecutor(lambda news: None), Silent())
            assert not summary.failed
    return study


def test_row_of_all_is_the_pooled_auroc_of_labelled_test_patients(measured):
    table = pd.read_csv(measured.layout.table("by_tissue"))
    trait = table["trait"][0]
    judged = by_tissue.judged_slides(measured, trait)
    scores = {
        record.patient_id: read_table(measured.layout.scores("fingerprints", trait, record.slide_id), "scores")["score"].mean()
        for record in judged
    }
    labels = {record.patient_id: positive for record, positive in judged.items()}
    row = table[(table["trait"] == trait) & (table["tissue"] == "all")].iloc[0]
    assert row["n_patients"] == len(labels)
    if len(set(labels.values())) == 2:
        assert row["auroc"] == pytest.approx(auroc(list(labels.values()), [scores[name] for name in labels]))
    else:
        assert np.isnan(row["auroc"]) and row["reason"]


def test_tiles_of_types_and_background_are_all_tiles(measured):
    table = pd.read_csv(measured.layout.table("by_tissue"))
    trait = table["trait"][0]
    own = table[table["trait"] == trait].set_index("tissue")["n_tiles"]
    types = pd.concat(
        read_table(by_tissue.types_path(measured.layout, record.slide_id), "tissue_types")
        for record in by_tissue.judged_slides(measured, trait)
    )["type"]
    assert list(own.index) == ["epithelium", "stroma", "all"]
    assert own.min() > 0
    assert own["all"] == len(types) == own["epithelium"] + own["stroma"] + (types == "background").sum()


def test_every_typed_slide_is_drawn(measured):
    pictures = {path.stem for path in (measured.layout.root / "maps" / "tissue").glob("*.png")}
    tables = {path.stem for path in (measured.layout.root / "scores" / "tissue_types").glob("*.parquet")}
    assert pictures == tables != set()


def test_study_without_a_model_does_nothing(fingerprints_study):
    study = Study.read(fingerprints_study)
    assert by_tissue.plan_tissue_types(study) == by_tissue.plan_by_tissue(study) == []
