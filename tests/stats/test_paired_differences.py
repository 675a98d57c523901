"""Differences between methods that judged the same patients, against scipy's bootstrap, DeLong's variance and properties."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from cartopath.core.errors import StatisticsError
from cartopath.stats import auroc_ci, correlation
from cartopath.stats.paired import Judged, compare_aurocs, compare_correlations

N = 160


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="module")
def patients():
    """Labels and two scores that share what makes a patient hard."""
    rng = np.random.default_rng(7)
    labels = rng.random(N) < 0.4
    hard = rng.normal(size=N)
    first = labels * 0.8 + hard + 0.4 * rng.normal(size=N)
    second = labels * 1.1 + hard + 0.4 * rng.normal(size=N)
    return labels, np.array([first, second])


def difference_of_areas(labels, first, second):
    high = labels.astype(bool)
    areas = [(stats.rankdata(row)[high].mean() - (high.sum() + 1) / 2) / (~high).sum() for row in (first, second)]
    return areas[1] - areas[0]


def delong(labels, scores):
    """The variance of a difference of AUROCs by DeLong et al. 1988, from placements."""
    wins = [(row[labels][:, None] > row[~labels]).astype(float) for row in scores]
    of_positive = np.cov([w.mean(axis=1) for w in wins]) / labels.sum()
    of_negative = np.cov([w.mean(axis=0) for w in wins]) / (~labels).sum()
    covariance = of_positive + of_negative
    return covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]


class TestAreas:
    def test_are_those_of_sklearn_and_so_is_their_difference(self, patients, rng):
        labels, scores = patients
        found = compare_aurocs([Judged(labels, scores, range(N))], rng=rng, n_resamples=50)
        areas = [roc_auc_score(labels, row) for row in scores]
        assert [one.estimate.value for one in found] == pytest.approx(areas, rel=1e-12)
        assert found[1].difference.value == pytest.approx(areas[1] - areas[0], rel=1e-9)

    def test_have_the_interval_of_scipys_paired_bootstrap(self, patients, rng):
        labels, scores = patients
        found = compare_aurocs([Judged(labels, scores, range(N))], rng=rng, n_resamples=4000)[1]
        theirs = stats.bootstrap(
            (labels, *scores),
            difference_of_areas,
            paired=True,
            vectorized=False,
            method="percentile",
            n_resamples=1000,
            rng=np.random.default_rng(1),
        ).confidence_interval
        assert (found.difference.low, found.difference.high) == pytest.approx(tuple(theirs), abs=0.012)

    def test_differ_with_the_certainty_of_delong(self, patients, rng):
        labels, scores = patients
        found = compare_aurocs([Judged(labels, scores, range(N))], rng=rng, n_resamples=4000)[1]
        error = np.sqrt(delong(labels, scores))
        assert (found.difference.high - found.difference.low) / 3.92 == pytest.approx(error, rel=0.1)
        assert found.p_value == pytest.approx(2 * stats.norm.sf(abs(found.difference.value) / error), abs=0.02)

    def test_alone_have_the_interval_of_a_single_one(self, patients):
        labels, scores = patients
        both = compare_aurocs([Judged(labels, scores, range(N))], rng=np.random.default_rng(3))
        for row, one in zip(scores, both, strict=True):
            alone = auroc_ci(labels, row, range(N), rng=np.random.default_rng(3))
            assert (one.estimate.low, one.estimate.high) == (alone.low, alone.high)

    def test_of_the_same_scores_do_not_differ(self, patients, rng):
        labels, scores = patients
        same = compare_aurocs([Judged(labels, [scores[0], scores[0]], range(N))], rng=rng)[1]
        assert (same.difference.value, same.difference.low, same.difference.high, same.p_value) == (0, 0, 0, 1)

    def test_are_more_certain_in_their_difference_than_apart(self, patients, rng):
        labels, scores = patients
        first, second = compare_aurocs([Judged(labels, scores, range(N))], rng=rng)
        apart = np.hypot(*(one.estimate.high - one.estimate.low for one in (first, second)))
        assert second.difference.high - second.difference.low < 0.6 * apart

    def test_find_no_difference_in_one_of_twenty_by_chance(self):
        found = []
        for seed in range(120):
            draw = np.random.default_rng(seed)
            labels = np.arange(60) % 2
            scores = labels + draw.normal(size=(2, 60))
            judged = Judged(labels, scores, range(60))
            found.append(compare_aurocs([judged], rng=draw, n_resamples=300)[1].p_value < 0.05)
        assert np.mean(found) < 0.11

    def test_of_slides_of_one_patient_are_drawn_together(self, patients, rng):
        labels, scores = patients
        twice = Judged(np.repeat(labels, 2), np.repeat(scores, 2, axis=1), np.repeat(np.arange(N), 2))
        found = compare_aurocs([twice], rng=np.random.default_rng(0))[1].difference
        once = compare_aurocs([Judged(labels, scores, range(N))], rng=np.random.default_rng(0))[1].difference
        assert (found.low, found.high) == pytest.approx((once.low, once.high), abs=1e-9)

    def test_of_three_patients_differ_by_a_figure_that_nobody_may_call_certain(self, rng):
        found = compare_aurocs([Judged([1, 0, 0], [[1, 1, 1], [3, 1, 2]], ["a", "b", "c"])], rng=rng)[1]
        assert (found.estimate.value, found.difference.value) == (1.0, 0.5)
        assert (found.difference.low, found.p_value) == (None, None)
        assert found.difference.reason == "a class has 1 of the patients; a difference needs 5 of each"

    def test_of_many_slides_of_few_patients_are_no_more_certain(self, rng):
        labels = np.tile([1, 0], 20)
        judged = Judged(labels, [rng.random(40), labels], np.arange(40) % 8)
        assert compare_aurocs([judged], rng=rng)[1].difference.reason.startswith("a class has 4 of the patients")


class TestFolds:
    def folds(self, patients, k=4):
        labels, scores = patients
        fold = np.arange(N) % k
        return [Judged(labels[fold == i], scores[:, fold == i], np.flatnonzero(fold == i)) for i in range(k)]

    def test_give_the_mean_of_their_areas(self, patients, rng):
        folds = self.folds(patients)
        found = compare_aurocs(folds, rng=rng, n_resamples=50)
        for i, one in enumerate(found):
            expected = np.mean([roc_auc_score(fold.labels, fold.scores[i]) for fold in folds])
            assert one.estimate.value == pytest.approx(expected, rel=1e-12)
        assert (found[0].n_parts, found[0].estimate.n, found[0].estimate.n_groups) == (4, N, N)

    def test_have_no_narrower_interval_when_the_same_patients_are_counted_again_in_every_round(self, patients, rng):
        labels, scores = patients
        judged = Judged(labels, scores, range(N))
        once = compare_aurocs([judged], rng=np.random.default_rng(0))[1].difference
        five = compare_aurocs([judged] * 5, rng=np.random.default_rng(0))[1].difference
        assert (five.low, five.high) == pytest.approx((once.low, once.high), abs=0.01)

    def test_of_one_class_are_left_out_and_counted(self, patients, rng):
        folds = self.folds(patients)
        lost = Judged([1, 1, 1], np.ones((2, 3)), ["a", "b", "c"])
        found = compare_aurocs([*folds, lost], rng=rng, n_resamples=50)
        expected = compare_aurocs(folds, rng=np.random.default_rng(0), n_resamples=50)
        assert found[1].estimate.value == expected[1].estimate.value
        assert found[1].n_parts == 4

    def test_that_all_hold_one_class_have_no_figure_and_say_why(self, rng):
        found = compare_aurocs([Judged([1, 1], np.ones((2, 2)), ["a", "b"])], rng=rng)
        assert [one.estimate.value for one in found] == [None, None]
        assert found[1].difference.reason == "the labels are of one class only"

    def test_with_other_methods_in_them_are_refused(self, rng):
        with pytest.raises(StatisticsError, match="parts with the same methods"):
            compare_aurocs([Judged([0, 1], np.ones((n, 2)), ["a", "b"]) for n in (1, 2)], rng=rng)


class TestCorrelations:
    @pytest.fixture(scope="class")
    @classmethod
    def measured(cls):
        rng = np.random.default_rng(5)
        target = np.round(rng.normal(size=N), 1)  # with ties
        return target, np.array([target + 2 * rng.normal(size=N), np.round(target + rng.normal(size=N), 1)])

    @pytest.mark.parametrize("kind", ["spearman", "pearson"])
    def test_are_those_of_scipy(self, measured, rng, kind):
        target, scores = measured
        found = compare_correlations(target, scores, range(N), kind=kind, rng=rng, n_resamples=50)
        expected = [correlation(row, target, kind=kind).r for row in scores]
        assert [one.estimate.value for one in found] == pytest.approx(expected, rel=1e-9)

    @pytest.mark.parametrize(("kind", "function"), [("spearman", stats.spearmanr), ("pearson", stats.pearsonr)])
    def test_differ_as_scipys_paired_bootstrap_says(self, measured, rng, kind, function):
        target, scores = measured
        found = compare_correlations(target, scores, range(N), kind=kind, rng=rng, n_resamples=4000)[1].difference

        def difference(y, first, second):
            return function(second, y).statistic - function(first, y).statistic

        theirs = stats.bootstrap(
            (target, *scores),
            difference,
            paired=True,
            vectorized=False,
            method="percentile",
            n_resamples=800,
            rng=np.random.default_rng(1),
        ).confidence_interval
        assert (found.low, found.high) == pytest.approx(tuple(theirs), abs=0.025)

    def test_do_not_depend_on_units(self, measured):
        target, scores = measured
        found = [
            compare_correlations(target * unit, scores * unit, range(N), kind="pearson", rng=np.random.default_rng(0))[1]
            for unit in (1, 1e-9)
        ]
        assert found[0].difference.low == pytest.approx(found[1].difference.low, rel=1e-6)

    def test_with_a_constant_score_have_no_figure(self, measured, rng):
        found = compare_correlations(measured[0], np.ones((2, N)), range(N), rng=rng)
        assert found[0].estimate.reason == "a measurement or score is constant"

    def test_of_nine_patients_differ_by_a_figure_without_an_interval(self, rng):
        found = compare_correlations(range(9), rng.random((2, 9)), range(9), rng=rng)[1]
        assert found.difference.value is not None
        assert (found.difference.low, found.p_value) == (None, None)
        assert found.difference.reason == "9 patients; a difference needs 10"

    def test_of_two_patients_have_none_either(self, rng):
        found = compare_correlations([1, 2], [[1, 2]], ["a", "b"], rng=rng)
        assert found[0].estimate.reason == "2 rows; a correlation needs at least 3"
