"""Two predictions of the same genes: Williams' test against published figures, the bootstrap against that of one gene."""

import numpy as np
import pytest

from cartopath.stats.gene_comparison import compare_genes, williams_p
from cartopath.stats.paired import compare_correlations


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def paired(rng, *, n, genes, first=0.5, second=0.5):
    """Measured values, and two predictions that share their noise in part."""
    measured, shared = rng.normal(size=(2, n, genes))
    one = first * measured + 0.7 * shared + 0.7 * rng.normal(size=(n, genes))
    two = second * measured + 0.7 * shared + 0.7 * rng.normal(size=(n, genes))
    return measured, one, two


def test_williams_test_gives_what_r_gives():
    # psych::r.test(n = 103, r12 = .4, r13 = .5, r23 = .1): t value -0.89 with probability < 0.37
    p = williams_p(np.array([0.4]), np.array([0.5]), np.array([0.1]), np.array([103]))
    assert p[0] == pytest.approx(0.375, abs=0.003)


def test_equally_good_predictions_have_uniform_p_values(rng):
    found = compare_genes(*paired(rng, n=60, genes=3000), n_resamples=0, rng=rng)
    shares = [(found.p_value < level).mean() for level in (0.05, 0.25, 0.5)]
    assert shares == pytest.approx([0.05, 0.25, 0.5], abs=0.03)


def test_a_gene_has_the_difference_and_interval_of_the_bootstrap_of_one(rng):
    measured, one, two = paired(rng, n=90, genes=2, second=1.0)
    found = compare_genes(measured, one, two, n_resamples=3000, rng=rng)
    alone = compare_correlations(
        measured[:, 0], [one[:, 0], two[:, 0]], range(90), kind="pearson", n_resamples=3000, rng=np.random.default_rng(9)
    )[1]
    assert found.difference[0] == pytest.approx(alone.difference.value, rel=1e-9)
    assert (found.low[0], found.high[0]) == pytest.approx((alone.difference.low, alone.difference.high), abs=0.02)


def test_the_better_prediction_is_found_over_all_genes(rng):
    found = compare_genes(*paired(rng, n=60, genes=50, second=0.9), rng=rng)
    assert found.median_difference.low > 0
    assert found.median_p < 0.01
    assert found.median_second.value > found.median_first.value
    assert (found.median_difference.n, found.median_difference.n_groups) == (50, 60)


def test_no_difference_is_found_where_there_is_none(rng):
    found = compare_genes(*paired(rng, n=60, genes=50), rng=rng)
    assert found.median_difference.low < 0 < found.median_difference.high


def test_genes_of_one_patient_are_not_taken_for_independent(rng):
    measured, one, two = paired(rng, n=40, genes=1)
    copies = [np.repeat(table, 30, axis=1) for table in (measured, one, two)]
    alone = compare_genes(measured, one, two, rng=np.random.default_rng(1)).median_difference
    thirty = compare_genes(*copies, rng=np.random.default_rng(1)).median_difference
    assert thirty.high - thirty.low == pytest.approx(alone.high - alone.low, rel=1e-3)


def test_a_prediction_does_not_differ_from_itself(rng):
    measured, one, _ = paired(rng, n=30, genes=3)
    found = compare_genes(measured, one, one, rng=rng)
    assert found.difference.tolist() == [0, 0, 0]
    assert found.p_value == pytest.approx([1, 1, 1])
    assert found.median_p == 1


def test_constant_and_missing_genes_are_undefined_and_harm_no_other(rng):
    measured, one, two = paired(rng, n=30, genes=3)
    measured[:, 0] = np.nan
    one[:, 1] = 4.0
    found = compare_genes(measured, one, two, rng=rng)
    assert np.isnan(found.difference[:2]).all() and np.isnan(found.low[:2]).all()
    assert np.isfinite([found.difference[2], found.low[2], found.p_value[2]]).all()
    assert found.median_difference.n == 1


def test_few_patients_give_no_interval(rng):
    found = compare_genes(*paired(rng, n=8, genes=4), rng=rng)
    assert found.median_difference.low is None
    assert "an interval needs 10" in found.median_difference.reason
    assert found.median_p is None
