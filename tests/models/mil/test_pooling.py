"""Closed forms of every pooling: what tiles weigh, and that they weigh 1 together (F63)."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cartopath.models.mil import HEADS, MilSpec, by_name, initial_parameters, pooled, pooling_weights

POOLINGS = [head for head in HEADS if head != "transformer"]


def weights(head: str, values: list[float], *, sizes: list[int] | None = None, k: int | None = None, **spec) -> np.ndarray:
    row = torch.tensor([[values]], dtype=torch.float64)
    spec = MilSpec(head=head, n_features=3, **spec)
    return pooling_weights(spec, row, row, sizes or [len(values)], k=k).expand_as(row)[0, 0].numpy()


@given(st.lists(st.floats(-9, 9), min_size=2, max_size=30), st.sampled_from(POOLINGS), st.integers(1, 29))
@settings(max_examples=60, deadline=None)
def test_weights_are_positive_and_sum_to_one_over_each_bag(values, head, cut):
    cut = min(cut, len(values) - 1)
    found = weights(head, values, sizes=[cut, len(values) - cut])
    assert (found >= 0).all()
    np.testing.assert_allclose([found[:cut].sum(), found[cut:].sum()], 1, rtol=1e-9)


@pytest.mark.parametrize("head", ["attention", "gated_attention", "exponential"])
def test_attention_and_exponential_weights_are_a_softmax(head):
    values = np.array([0.5, -1.0, 3.0])
    np.testing.assert_allclose(weights(head, list(values)), np.exp(values) / np.exp(values).sum(), rtol=1e-12)


@pytest.mark.parametrize("head", ["mean", "receptor"])
def test_a_mean_weighs_all_tiles_the_same(head):
    np.testing.assert_allclose(weights(head, [5.0, -2.0, 0.0, 1.0]), 0.25)


def test_a_maximum_rests_on_one_tile_even_where_two_are_the_highest():
    np.testing.assert_array_equal(weights("max", [1.0, 4.0, 4.0, -3.0]), [0, 1, 0, 0])


def test_linear_weights_are_in_proportion_to_large_values():
    np.testing.assert_allclose(weights("linear", [40.0, 120.0]), [0.25, 0.75], rtol=1e-9)


def test_linear_weights_follow_the_softplus():
    values = np.array([-2.0, 0.3, 1.5])
    np.testing.assert_allclose(weights("linear", list(values)), np.log1p(np.exp(values)) / np.log1p(np.exp(values)).sum())


def test_a_training_step_weighs_the_k_highest_the_same():
    np.testing.assert_array_equal(weights("top_k", [1.0, 5.0, 3.0, 4.0], k=2), [0, 0.5, 0, 0.5])


def test_afterwards_weights_are_the_mean_over_all_k():
    found = weights("top_k", [1.0, 5.0, 3.0, 4.0], ks=(1, 2))
    np.testing.assert_allclose(found, [0, 0.75, 0, 0.25])


def test_more_than_there_are_means_all_of_them():
    np.testing.assert_allclose(weights("top_k", [-1.0, -5.0, -3.0], ks=(100,)), 1 / 3)


def test_a_short_bag_beside_a_long_one_borrows_nothing_from_it():
    values = [-5.0, -6.0, 1.0, 2.0, 3.0, 4.0]
    together = weights("top_k", values, sizes=[2, 4], ks=(1, 5))
    np.testing.assert_allclose(together[:2], weights("top_k", values[:2], ks=(1, 5)))
    np.testing.assert_allclose(together[2:], weights("top_k", values[2:], ks=(1, 5)))


@pytest.mark.parametrize("head", HEADS)
class TestWholeHeads:
    def said(self, head, *, n_outputs=2):
        spec = MilSpec(head=head, n_features=5, n_outputs=n_outputs, ks=(1, 3))
        parameters = by_name(initial_parameters(spec, [np.random.default_rng(seed) for seed in range(3)]))
        tiles = torch.from_numpy(np.random.default_rng(9).normal(size=(11, 5)).astype(np.float32))
        return spec, parameters, tiles, pooled(spec, parameters, tiles, [4, 7])

    def test_a_prediction_is_the_sum_of_weight_times_value(self, head):
        _, _, _, said = self.said(head)
        weighted = (said.weights * said.values).numpy()
        np.testing.assert_allclose(said.predictions[..., 0], weighted[..., :4].sum(-1), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(said.predictions[..., 1], weighted[..., 4:].sum(-1), rtol=1e-5, atol=1e-6)

    def test_bags_side_by_side_are_predicted_as_alone(self, head):
        spec, parameters, tiles, said = self.said(head)
        alone = pooled(spec, parameters, tiles[4:], [7])
        np.testing.assert_allclose(said.predictions[..., 1:], alone.predictions, rtol=1e-5, atol=1e-6)

    def test_heads_side_by_side_predict_as_alone(self, head):
        spec, parameters, tiles, said = self.said(head)
        alone = pooled(spec, {name: some[1:2] for name, some in parameters.items()}, tiles, [4, 7])
        np.testing.assert_allclose(said.predictions[1:2], alone.predictions, rtol=1e-5, atol=1e-6)

    def test_the_order_of_tiles_changes_nothing(self, head):
        spec, parameters, tiles, said = self.said(head)
        turned = pooled(spec, parameters, tiles.flip(0), [7, 4])
        np.testing.assert_allclose(said.predictions.flip(-1), turned.predictions, rtol=1e-5, atol=1e-6)

    def test_values_stay_within_the_clamp(self, head):
        spec = MilSpec(head=head, n_features=5, clamp=0.05)
        parameters = by_name(initial_parameters(spec, [np.random.default_rng(0)]))
        values = pooled(spec, parameters, 100 * torch.randn(20, 5, generator=torch.Generator().manual_seed(0)), [20]).values
        assert values.abs().max() == pytest.approx(0.05)
