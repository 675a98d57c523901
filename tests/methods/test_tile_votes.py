"""From the networks of a trait to the vote on every tile."""

import numpy as np
import pandas as pd
import pytest

from cartopath.methods.ensemble import choose_rounds
from cartopath.methods.scoring import default_batch_size
from cartopath.methods.tile_classifier import prediction
from cartopath.methods.tile_classifier.prediction import score_tiles
from cartopath.slides import read_tile_plan
from cartopath.study.run import Study
from cartopath.study.stages.cohort import tiled_records
from cartopath.study.stages.tiling import load_tiles, slide_arguments


@pytest.fixture
def ensemble(tmp_path, monkeypatch):
    """An ensemble of three rounds whose scores a test states, tile by tile."""

    def ensemble_(scores, *, voting, threshold=0.5, scheme="rounds"):
        scores = np.asarray(scores, dtype=np.float32)
        validation = {r: (1.0 - voting.index(r) / 10 if r in voting else 0.0, 1.0) for r in range(scores.shape[1])}
        out = tmp_path / "ensemble.json"
        options = {"keep": len(voting), "threshold": threshold, "scheme": scheme}
        choose_rounds(trait="T", validation=validation, out=out, key="k", **options)
        monkeypatch.setattr(prediction, "load_networks", lambda folder, rounds, key: list(rounds))
        monkeypatch.setattr(prediction, "predict_tiles", lambda networks, batches, **_: scores[:, networks])
        n = len(scores)
        table = pd.DataFrame({"col": range(n), "row": 0, "x_px0": [128 * i for i in range(n)], "y_px0": 0})
        source = type("Source", (), {"size_px": 64})()
        fixed = {"cache_key": "k", "batch_size": 8, "device": "cpu", "threads": 1}
        return lambda **changes: score_tiles(table, source, tmp_path, **fixed, **changes)

    return ensemble_


def test_a_tile_is_positive_when_most_of_the_voting_rounds_say_so(ensemble):
    scored = ensemble([[0.9, 0.9, 0.1], [0.9, 0.1, 0.1], [0.1, 0.9, 0.9], [0.9, 0.9, 0.9]], voting=[0, 1, 2])()
    assert scored["vote"].tolist() == [True, False, True, True]


def test_rounds_that_do_not_vote_have_their_scores_beside_it(ensemble):
    scored = ensemble([[0.9, 0.1, 0.1]], voting=[0])()
    assert scored["vote"].tolist() == [True]
    assert scored[["round_0", "round_1", "round_2"]].iloc[0].tolist() == pytest.approx([0.9, 0.1, 0.1])


def test_rounds_that_do_not_vote_need_not_be_asked(ensemble):
    scored = ensemble([[0.9, 0.1, 0.2]], voting=[2, 0])(only_voting=True)
    assert list(scored.columns[4:]) == ["round_0", "round_2", "score", "vote"]
    assert scored["score"].tolist() == pytest.approx([0.55])


def test_a_round_votes_strictly_above_the_threshold(ensemble):
    assert ensemble([[0.5], [0.500001]], voting=[0])()["vote"].tolist() == [False, True]
    assert ensemble([[0.3], [0.25]], voting=[0], threshold=0.25)()["vote"].tolist() == [True, False]


def test_the_score_is_the_mean_of_the_voting_rounds(ensemble):
    scored = ensemble([[0.2, 0.4, 0.9]], voting=[1, 0])()
    assert scored["score"].tolist() == pytest.approx([0.3])


def test_with_folds_the_patients_own_fold_decides_alone(ensemble):
    scored = ensemble([[0.9, 0.1, 0.9]], voting=[0, 1, 2], scheme="folds")
    assert scored(own_fold=1)["vote"].tolist() == [False]
    assert scored(own_fold=2)["score"].tolist() == pytest.approx([0.9])


def test_a_new_patient_has_no_fold_and_all_folds_vote(ensemble):
    assert ensemble([[0.9, 0.1, 0.9]], voting=[0, 1, 2], scheme="folds")()["vote"].tolist() == [True]


@pytest.fixture(scope="module")
def real_scores(finished_study):
    """Score the tiles of a slide of the finished study, in any order and any batches."""
    study = Study.read(finished_study)
    record = tiled_records(study)[0]
    folder = finished_study / "models" / "tile_classifier" / "MKI67"

    def scored(order, batch_size=64):
        arguments = slide_arguments(study, record)
        table = read_tile_plan(arguments["table"])[0].iloc[order].reset_index(drop=True)
        tiles = load_tiles(**{**arguments, "cache": None})
        shuffled = type(tiles)(**{**vars(tiles), "xy_px0": table[["x_px0", "y_px0"]].to_numpy()})
        return score_tiles(table, shuffled, folder, cache_key="k", batch_size=batch_size, device="cpu", threads=1)

    return scored, len(read_tile_plan(slide_arguments(study, record)["table"])[0])


def test_tiles_in_another_order_have_the_same_scores(real_scores):
    scored, n = real_scores
    order = np.random.default_rng(0).permutation(n)
    one = scored(np.arange(n)).set_index(["col", "row"])
    other = scored(order).set_index(["col", "row"]).loc[one.index]
    np.testing.assert_allclose(one["score"], other["score"], rtol=0, atol=1e-6)
    assert (one["vote"] == other["vote"]).all()


def test_the_size_of_a_batch_changes_scores_by_rounding_at_most(real_scores):
    scored, n = real_scores
    one, other = scored(np.arange(n), batch_size=3), scored(np.arange(n), batch_size=64)
    np.testing.assert_allclose(one["score"], other["score"], rtol=0, atol=1e-6)


def test_the_cache_and_the_slide_give_the_same_scores(real_scores, finished_study):
    scored, n = real_scores
    slide = sorted(finished_study.glob("scores/*/MKI67/*.parquet"))[0]
    kept = pd.read_parquet(slide)
    np.testing.assert_allclose(scored(np.arange(n))["score"], kept["score"], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("size_px", "is_gpu", "expected"), [(16, False, 256), (512, False, 2), (512, True, 128), (4096, False, 2)]
)
def test_batches_fit_into_memory_whatever_the_size_of_tiles(size_px, is_gpu, expected):
    assert default_batch_size(size_px, is_gpu=is_gpu) == expected
