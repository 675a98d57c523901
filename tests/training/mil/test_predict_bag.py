"""What a trained head says of a bag: the same every time, and consistent in itself (F60, F61, F70)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.training.mil.conftest import N_FEATURES, QUICK

from cartopath.core.errors import TrainingError
from cartopath.models.mil import HEADS, MilSpec
from cartopath.training.mil import Job, predict_bag, predict_many, train_heads


@pytest.fixture(scope="module", params=HEADS)
def outcomes(request, planted):
    """Two heads of each kind after one epoch."""
    spec = MilSpec(head=request.param, n_features=N_FEATURES, n_outputs=2, n_supertiles=10)
    targets = 50 + 10 * np.stack([planted.share, -planted.share], 1)
    jobs = [Job(f"gene {number}", targets, range(60)) for number in range(2)]
    return train_heads(planted.bags, jobs, spec, replace(QUICK, max_epochs=1))


def same(first, second) -> bool:
    return all(
        getattr(first, name).tobytes() == getattr(second, name).tobytes()
        for name in ("score", "tile_scores", "weights", "value", "tile_values")
    )


class TestEveryHead:
    def test_weights_sum_to_one_and_tiles_add_up_to_the_prediction(self, outcomes, planted):
        said = predict_bag(outcomes[0], planted.bags[100].features)
        np.testing.assert_allclose(said.weights.sum(0), 1, rtol=1e-5)
        np.testing.assert_allclose((said.weights * said.tile_scores).sum(0), said.score, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose((said.weights * said.tile_values).sum(0), said.value, rtol=1e-5)

    def test_two_predictions_are_identical_bit_for_bit_whatever_the_number_of_threads(self, outcomes, planted):
        features = planted.bags[100].features
        first = predict_bag(outcomes[0], features)
        before = torch.get_num_threads()
        torch.set_num_threads(2)
        second = predict_bag(outcomes[0], features)
        torch.set_num_threads(before)
        assert same(first, second)

    def test_many_at_once_are_predicted_as_each_alone(self, outcomes, planted):
        features = planted.bags[100].features
        for together, outcome in zip(predict_many(outcomes, features), outcomes, strict=True):
            alone = predict_bag(outcome, features)
            np.testing.assert_allclose(together.tile_scores, alone.tile_scores, rtol=1e-4, atol=1e-5)
            np.testing.assert_allclose(together.weights, alone.weights, rtol=1e-3, atol=1e-6)

    def test_every_tile_has_its_place(self, outcomes, planted):
        features = planted.bags[100].features
        said, turned = predict_bag(outcomes[0], features), predict_bag(outcomes[0], features[::-1])
        if outcomes[0].head.spec.head != "transformer":
            np.testing.assert_allclose(said.tile_scores, turned.tile_scores[::-1], rtol=1e-4, atol=1e-5)
        assert said.tile_scores.shape == said.weights.shape == (len(features), 2)

    def test_a_bag_of_one_tile_is_that_tile(self, outcomes, planted):
        said = predict_bag(outcomes[0], planted.bags[100].features[:1])
        np.testing.assert_allclose(said.weights, 1)
        np.testing.assert_allclose(said.score, said.tile_scores[0])


class TestBags:
    def test_a_bag_of_two_slides_has_the_tiles_of_both(self, attention, planted):
        top, bottom = planted.bags[100].features, planted.bags[101].features
        said = predict_bag(attention, np.concatenate([top, bottom]))
        assert len(said.weights) == len(top) + len(bottom)
        alone = predict_bag(attention, top)
        np.testing.assert_allclose(said.tile_scores[: len(top)], alone.tile_scores, rtol=1e-4, atol=1e-5)
        share = said.weights[: len(top)].sum()
        np.testing.assert_allclose(said.weights[: len(top)], share * alone.weights, rtol=1e-3)
        other = predict_bag(attention, bottom).score
        assert said.score == pytest.approx(share * alone.score + (1 - share) * other, rel=1e-4)

    def test_one_slide_without_the_other_works(self, attention, planted):
        assert np.isfinite(predict_bag(attention, planted.bags[100].features[:5]).value).all()

    def test_heads_of_several_folds_are_predicted_together(self, planted):
        spec, recipe = MilSpec(n_features=N_FEATURES), replace(QUICK, max_epochs=1)
        jobs = [Job(f"fold {n}", planted.share, [i for i in range(60) if i % 2 != n]) for n in range(2)]
        outcomes = train_heads(planted.bags, jobs, spec, recipe)
        together = predict_many(outcomes, planted.bags[100].features)
        for said, outcome in zip(together, outcomes, strict=True):
            assert same(said, predict_bag(outcome, planted.bags[100].features))


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("features", "message"),
        [
            (np.zeros((0, N_FEATURES), np.float32), "is empty"),
            (np.zeros((3, 9), np.float32), "9 features per tile"),
            (np.full((3, N_FEATURES), np.nan, np.float32), "not finite"),
        ],
    )
    def test_features_that_are_not_those_of_the_encoder(self, attention, features, message):
        with pytest.raises(TrainingError, match=message):
            predict_bag(attention, features)

    def test_heads_of_different_kinds_at_once(self, attention, planted):
        other = replace(attention.head, spec=MilSpec(head="mean", n_features=N_FEATURES))
        with pytest.raises(TrainingError, match="differ in kind"):
            predict_many([attention, other], planted.bags[0].features)

    def test_no_heads_say_nothing(self, planted):
        assert predict_many([], planted.bags[0].features) == []
