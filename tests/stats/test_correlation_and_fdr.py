import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from cartopath.core.errors import StatisticsError
from cartopath.stats import benjamini_hochberg, correlation


@pytest.fixture
def pairs():
    rng = np.random.default_rng(4)
    x = rng.normal(size=40)
    return x, 0.6 * x + rng.normal(size=40)


@pytest.mark.parametrize(("kind", "reference"), [("pearson", scipy_stats.pearsonr), ("spearman", scipy_stats.spearmanr)])
def test_the_coefficient_and_p_value_agree_with_scipy(pairs, kind, reference):
    found, expected = correlation(*pairs, kind=kind), reference(*pairs)
    assert found.r == pytest.approx(expected.statistic, rel=1e-7)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-7)


def test_the_pearson_interval_agrees_with_scipy(pairs):
    found = correlation(*pairs, kind="pearson")
    expected = scipy_stats.pearsonr(*pairs).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-7)


def test_the_spearman_interval_is_that_of_bonett_and_wright(pairs):
    found = correlation(*pairs, kind="spearman")
    half = scipy_stats.norm.ppf(0.975) * np.sqrt((1 + found.r**2 / 2) / (40 - 3))
    assert np.arctanh([found.low, found.high]) == pytest.approx(np.arctanh(found.r) + np.array([-half, half]), rel=1e-7)


def test_spearman_is_the_default_and_sees_ranks_only(pairs):
    x, y = pairs
    assert correlation(x, y).r == correlation(np.exp(x), y, kind="spearman").r


def test_ranks_of_ties_are_averaged():
    assert correlation([1, 1, 2, 3], [1, 2, 2, 5]).r == pytest.approx(
        scipy_stats.spearmanr([1, 1, 2, 3], [1, 2, 2, 5]).statistic, rel=1e-7
    )


def test_a_perfect_correlation_has_a_closed_interval():
    found = correlation(range(10), range(10), kind="pearson")
    assert found.r == pytest.approx(1.0)
    assert found.low == pytest.approx(1.0)
    assert found.high <= 1.0


def test_pairs_with_a_missing_value_are_left_out_and_counted():
    found = correlation([1, 2, None, 4, 5], [2, 1, 3, np.nan, 6])
    assert (found.n, found.n_missing) == (3, 2)


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [
        ([1, 2], [1, 2], "2 pairs; a correlation needs at least 3"),
        ([], [], "0 pairs; a correlation needs at least 3"),
        ([1, 2, 3], [5, 5, 5], "the second measurement is constant"),
        ([0.1 + 0.2, 0.3, 0.3], [1, 2, 3], "the first measurement is constant"),
        ([0, 0, 0], [1, 2, 3], "the first measurement is constant"),
    ],
)
@pytest.mark.parametrize("kind", ["spearman", "pearson"])
def test_an_undefined_correlation_says_why(x, y, reason, kind):
    found = correlation(x, y, kind=kind)
    assert (found.r, found.p_value, found.low, found.high) == (None, None, None, None)
    assert found.reason == reason


def test_three_pairs_have_no_interval():
    found = correlation([1, 2, 3], [1, 3, 2])
    assert found.r is not None
    assert (found.low, found.reason) == (None, "an interval needs at least 4 pairs")


def test_infinite_values_are_refused():
    with pytest.raises(StatisticsError, match="logarithm of zero"):
        correlation([1, 2, -np.inf], [1, 2, 3])


def test_another_kind_is_refused():
    with pytest.raises(StatisticsError, match="'kind' parameter"):
        correlation([1, 2, 3], [1, 2, 3], kind="kendall")


def test_the_worked_example_has_its_adjusted_values():
    np.testing.assert_allclose(benjamini_hochberg([0.01, 0.02, 0.03, 0.5]), [0.04, 0.04, 0.04, 0.5], rtol=1e-7)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_adjusted_values_agree_with_scipy(p_values):
    np.testing.assert_allclose(benjamini_hochberg(p_values), scipy_stats.false_discovery_control(p_values), rtol=1e-7)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_the_order_of_tests_does_not_matter(p_values, random):
    order = list(range(len(p_values)))
    random.shuffle(order)
    np.testing.assert_array_equal(benjamini_hochberg(np.array(p_values)[order]), benjamini_hochberg(p_values)[order])


def test_an_undefined_test_is_not_counted():
    adjusted = benjamini_hochberg([0.01, None, 0.02, float("nan")])
    np.testing.assert_allclose(adjusted[[0, 2]], [0.02, 0.02], rtol=1e-7)
    assert np.isnan(adjusted[[1, 3]]).all()


def test_no_tests_give_no_values():
    assert benjamini_hochberg([]).shape == (0,)


def test_what_is_not_a_p_value_is_refused():
    with pytest.raises(StatisticsError, match="between 0 and 1"):
        benjamini_hochberg([0.5, 1.5])
