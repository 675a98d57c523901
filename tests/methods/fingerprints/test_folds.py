"""Cross-validation: every fold has an encoder of its own, which has not seen those whom it judges."""

import numpy as np
import pandas as pd
import pytest

from cartopath.store.embeddings import read_embeddings
from cartopath.study.run import Study

FOLDS = (0, 1, 2)


@pytest.fixture(scope="module")
def models(folds_study):
    return folds_study / "models" / "fingerprints"


@pytest.fixture(scope="module")
def own_fold(folds_study, patients_tested):
    return {patient: fold for fold in FOLDS for patient in patients_tested(folds_study, fold)}


@pytest.mark.parametrize("fold", FOLDS)
def test_a_folds_encoder_learned_from_everybody_but_its_test_patients(folds_study, models, own_fold, card_of, fold):
    seen = set(card_of(models / f"encoder_{fold}" / "fingerprint.json")["patients"])
    assert seen
    assert not {patient for patient in seen if own_fold[patient] == fold}
    assert len(seen) > len(own_fold) / 2


@pytest.mark.parametrize("fold", FOLDS)
def test_a_folds_head_reads_the_encoder_of_its_fold(models, card_of, fold):
    head = card_of(models / "MKI67" / f"round_{fold}" / "head.json")
    assert head["encoder"]["folder"] == f"../../encoder_{fold}"
    assert head["encoder"]["sha256"] == card_of(models / f"encoder_{fold}" / "fingerprint.json")["weights_sha256"]


def test_every_slide_is_scored_by_the_fold_that_tests_its_patient(folds_study, own_fold):
    slides = pd.read_csv(folds_study / "tables" / "slides.csv").set_index("slide_id")["patient_id"]
    for slide, patient in slides.items():
        tiles = pd.read_parquet(folds_study / "scores" / "fingerprints" / "MKI67" / f"{slide}.parquet")
        assert [name for name in tiles if name.startswith("round_")] == [f"round_{own_fold[patient]}"]
        assert np.array_equal(tiles["score"], tiles[f"round_{own_fold[patient]}"])


def test_of_slides_that_only_train_the_tiles_that_train_are_embedded(folds_study, own_fold):
    n_sampled = 0
    for path in (folds_study / "embeddings").glob("**/*.h5"):
        embeddings, header = read_embeddings(path)
        tiles = pd.read_parquet(folds_study / "tiles" / f"{embeddings.slide_id}.parquet")
        if header.meta["tiles"] == "sample":
            n_sampled += 1
            assert path.parent.name == "sample"
            assert len(embeddings.features) == min(12, len(tiles))
        else:
            assert len(embeddings.features) == len(tiles)
    assert n_sampled == 2 * len(own_fold)


def test_a_folds_performance_is_of_its_own_patients(folds_study, own_fold):
    scores = pd.read_csv(folds_study / "tables" / "slide_scores.csv")
    metrics = pd.read_csv(folds_study / "tables" / "metrics.csv")
    labelled = scores[scores["role"] == "labelled"]
    rows = metrics.query("set == 'test' and level == 'patient' and metric == 'auroc'").set_index("model")["n"]
    for fold in FOLDS:
        assert rows[f"round_{fold}"] == (labelled["patient_id"].map(own_fold) == fold).sum()


def test_a_second_run_does_nothing(folds_study, run):
    ran = run(Study.read(folds_study), until="evaluate")
    assert (dict(ran.done), ran.failed) == ({}, {})
