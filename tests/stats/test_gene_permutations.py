"""Genes against shuffled measurements: exact where all permutations can be counted, honest where there is nothing."""

import itertools

import numpy as np
import pytest

from cartopath.core.errors import StatisticsError
from cartopath.stats.gene_metrics import gene_metrics
from cartopath.stats.gene_permutations import permuted_genes
from cartopath.stats.multiple_testing import benjamini_hochberg


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def test_p_values_approach_those_of_all_permutations(rng):
    measured, predicted = rng.normal(size=(6, 1)), rng.normal(size=(6, 1))
    own = np.corrcoef(measured[:, 0], predicted[:, 0])[0, 1]
    all_r = [np.corrcoef(measured[list(order), 0], predicted[:, 0])[0, 1] for order in itertools.permutations(range(6))]
    exact = np.mean(np.array(all_r) >= own - 1e-12)
    found = permuted_genes(measured, predicted, n_permutations=4000, rng=rng)
    assert found.p_value[0] == pytest.approx(exact, abs=0.02)


def test_null_genes_have_uniform_p_values(rng):
    found = permuted_genes(rng.normal(size=(50, 2000)), rng.normal(size=(50, 2000)), rng=rng)
    shares = [(found.p_value < level).mean() for level in (0.05, 0.25, 0.5, 0.75)]
    assert shares == pytest.approx([0.05, 0.25, 0.5, 0.75], abs=0.03)


def test_shuffled_genes_are_discovered_as_rarely_as_chance_allows(rng):
    found = permuted_genes(rng.normal(size=(50, 400)), rng.normal(size=(50, 400)), rng=rng)
    assert found.n_below_alpha.mean() / 400 == pytest.approx(0.05, abs=0.01)
    assert np.median(found.n_discovered) == 0
    assert found.null_median == pytest.approx(0, abs=0.01)
    assert found.null_95 == pytest.approx(np.tanh(1.645 / np.sqrt(47)), abs=0.02)


def test_discoveries_are_those_of_benjamini_and_hochberg(rng):
    measured = rng.normal(size=(40, 60))
    order = np.lexsort((np.random.default_rng(4).random(40), np.zeros(40)))
    predicted = rng.normal(scale=2, size=(40, 60)) + measured[order]
    found = permuted_genes(measured, predicted, n_permutations=1, rng=np.random.default_rng(4))
    metrics = gene_metrics(measured[order], predicted)
    expected = (benjamini_hochberg(metrics.pearson_p) < 0.05) & (metrics.pearson > 0)
    assert 5 < expected.sum() < 55
    assert found.n_discovered.tolist() == [expected.sum()]
    assert found.n_below_alpha.tolist() == [(metrics.pearson_p < 0.05).sum()]


def test_planted_genes_beat_all_shuffled_ones(rng):
    measured = rng.normal(size=(60, 30))
    predicted = rng.normal(size=(60, 30))
    predicted[:, :4] += measured[:, :4]
    found = permuted_genes(measured, predicted, rng=rng)
    assert (found.p_value[:4] < 0.001).all()
    assert (found.p_value[4:] > 0.001).all()


def test_what_only_tells_the_groups_apart_is_no_merit_within_them(rng):
    group = np.repeat(["a", "b"], 30)
    level = np.where(group == "a", 0.0, 3.0)[:, None]
    measured, predicted = level + rng.normal(size=(60, 20)), level + rng.normal(size=(60, 20))
    among_all = permuted_genes(measured, predicted, rng=rng)
    within = permuted_genes(measured, predicted, groups=group, rng=rng)
    assert (among_all.p_value < 0.01).all()
    assert np.median(within.p_value) > 0.2


def test_missing_values_are_left_out_gene_by_gene(rng):
    measured = rng.normal(size=(60, 10))
    predicted = measured + rng.normal(size=(60, 10))
    measured[:25, 0] = np.nan
    measured[:, 1] = np.nan
    found = permuted_genes(measured, predicted, rng=rng)
    assert found.pearson[0] == pytest.approx(np.corrcoef(measured[25:, 0], predicted[25:, 0])[0, 1])
    assert np.isnan(found.p_value[1])
    assert (found.p_value[2:] < 0.01).all()


def test_equal_streams_give_equal_answers():
    measured, predicted = np.random.default_rng(1).normal(size=(2, 20, 5))
    first, second = (permuted_genes(measured, predicted, rng=np.random.default_rng(2)) for _ in range(2))
    assert first.p_value.tolist() == second.p_value.tolist()


def test_groups_of_another_length_are_refused(rng):
    with pytest.raises(StatisticsError, match="3 groups for 4 patients"):
        permuted_genes(np.zeros((4, 1)), np.zeros((4, 1)), groups=["a", "b", "c"], rng=rng)
