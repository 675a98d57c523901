"""Figures of many genes at once, against scipy and scikit-learn gene by gene, and on data without any signal."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import mean_squared_error, r2_score

from cartopath.core.errors import StatisticsError
from cartopath.stats.association import correlation
from cartopath.stats.gene_metrics import gene_metrics
from cartopath.stats.multiple_testing import benjamini_hochberg, holm

N, GENES = 47, 12


@pytest.fixture(scope="module")
def tables():
    """Measured and predicted values with ties and a tenth missing."""
    rng = np.random.default_rng(3)
    measured = rng.normal(size=(N, GENES)).round(1)
    predicted = 0.4 * measured + rng.normal(size=(N, GENES))
    measured[rng.random((N, GENES)) < 0.1] = np.nan
    predicted[0] = np.nan
    return measured, predicted


@pytest.fixture(scope="module")
def pairs(tables):
    """The known pairs of each gene."""
    known = ~np.isnan(tables[0]) & ~np.isnan(tables[1])
    return [(tables[0][known[:, g], g], tables[1][known[:, g], g]) for g in range(GENES)]


@pytest.fixture(scope="module")
def found(tables):
    return gene_metrics(*tables)


def test_pearson_is_that_of_scipy(found, pairs):
    theirs = [stats.pearsonr(*pair) for pair in pairs]
    assert found.pearson == pytest.approx([one.statistic for one in theirs], rel=1e-10)
    assert found.pearson_p == pytest.approx([one.pvalue for one in theirs], rel=1e-9)


def test_spearman_is_that_of_scipy_with_ties(found, pairs):
    theirs = [stats.spearmanr(*pair) for pair in pairs]
    assert found.spearman == pytest.approx([one.statistic for one in theirs], rel=1e-10)
    assert found.spearman_p == pytest.approx([one.pvalue for one in theirs], rel=1e-9)


@pytest.mark.parametrize("kind", ["pearson", "spearman"])
def test_intervals_are_those_of_one_correlation(found, pairs, kind):
    alone = [correlation(*pair, kind=kind) for pair in pairs]
    assert getattr(found, f"{kind}_low") == pytest.approx([one.low for one in alone], rel=1e-9)
    assert getattr(found, f"{kind}_high") == pytest.approx([one.high for one in alone], rel=1e-9)


def test_r2_and_squared_error_are_those_of_scikit_learn(found, pairs):
    assert found.r2 == pytest.approx([r2_score(*pair) for pair in pairs], rel=1e-10)
    assert found.mse == pytest.approx([mean_squared_error(*pair) for pair in pairs], rel=1e-10)
    assert found.n.tolist() == [len(pair[0]) for pair in pairs]


def test_a_perfect_prediction_has_no_error_and_no_doubt():
    values = np.arange(10.0)[:, None]
    found = gene_metrics(values, values)
    assert (found.pearson[0], found.spearman[0], found.r2[0], found.mse[0]) == pytest.approx((1, 1, 1, 0))
    assert found.pearson_p[0] == pytest.approx(0, abs=1e-12)
    assert found.pearson_low[0] == pytest.approx(1)


@pytest.mark.parametrize("constant", ["measured", "predicted"])
def test_a_constant_gene_has_no_correlation(constant):
    rng = np.random.default_rng(0)
    tables = {"measured": rng.normal(size=(9, 2)), "predicted": rng.normal(size=(9, 2))}
    tables[constant][:, 0] = 0.1
    found = gene_metrics(**tables)
    assert np.isnan([found.pearson[0], found.pearson_p[0], found.spearman[0], found.pearson_low[0]]).all()
    assert np.isfinite([found.pearson[1], found.pearson_p[1]]).all()
    assert np.isnan(found.r2[0]) == (constant == "measured")


def test_a_gene_without_measurements_is_undefined_and_harms_no_other():
    rng = np.random.default_rng(0)
    measured, predicted = rng.normal(size=(9, 2)), rng.normal(size=(9, 2))
    measured[:, 0] = np.nan
    found = gene_metrics(measured, predicted)
    assert found.n.tolist() == [0, 9]
    assert np.isnan(found.mse[0]) and np.isnan(found.pearson[0])
    assert found.mse[1] == pytest.approx(np.mean((measured[:, 1] - predicted[:, 1]) ** 2))


def test_tables_of_different_shape_are_refused():
    with pytest.raises(StatisticsError, match=r"one shape, found \(4, 2\) and \(4, 3\)"):
        gene_metrics(np.zeros((4, 2)), np.zeros((4, 3)))


def test_infinite_values_are_refused():
    with pytest.raises(StatisticsError, match="a measured value is infinite"):
        gene_metrics([[np.inf], [1.0]], [[0.0], [1.0]])


def test_null_data_give_five_percent_raw_and_nothing_after_correction():
    rng = np.random.default_rng(11)
    found = gene_metrics(rng.normal(size=(80, 4000)), rng.normal(size=(80, 4000)))
    for p in (found.pearson_p, found.spearman_p):
        assert (p < 0.05).mean() == pytest.approx(0.05, abs=0.012)
        assert (benjamini_hochberg(p) < 0.05).sum() == 0
        assert (holm(p) < 0.05).sum() == 0


class TestHolm:
    def test_is_that_of_statsmodels(self):
        # statsmodels.stats.multitest.multipletests([...], method="holm")[1]
        p = [0.001, 0.2, 0.04, 0.0005, 0.9, 0.012]
        assert holm(p) == pytest.approx([0.005, 0.4, 0.12, 0.003, 0.9, 0.048], rel=1e-12)

    def test_leaves_out_what_is_undefined(self):
        assert holm([0.02, None, 0.02]) == pytest.approx([0.04, np.nan, 0.04], nan_ok=True)

    def test_never_calls_more_than_benjamini_and_hochberg(self):
        p = np.random.default_rng(0).random(300) ** 3
        assert (holm(p) >= benjamini_hochberg(p) - 1e-12).all()

    def test_refuses_what_is_no_p_value(self):
        with pytest.raises(StatisticsError, match="between 0 and 1"):
            holm([0.2, 1.2])
