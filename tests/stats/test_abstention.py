"""Accuracy against coverage when patients with little tissue get no answer (F59)."""

from __future__ import annotations

import numpy as np
import pytest

from cartopath.core.errors import StatisticsError
from cartopath.stats.abstention import abstention, least_amount, proportion


def _planted(*, n: int = 400, tells: bool, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores whose noise falls with the amount of tissue, or does not."""
    rng = np.random.default_rng(seed)
    labels, amounts = rng.random(n) < 0.5, rng.integers(5, 500, n)
    noise = 12.0 / np.sqrt(amounts) if tells else np.full(n, 1.0)
    return labels, np.where(labels, 0.5, -0.5) + noise * rng.normal(size=n), amounts


def test_everybody_is_answered_at_first() -> None:
    labels, scores, amounts = _planted(tells=True)
    first = abstention(labels, scores, amounts, n_resamples=200, rng=np.random.default_rng(0)).points[0]
    assert first.coverage == 1.0
    assert first.accuracy.value == pytest.approx(((scores > 0) == labels).mean())


def test_coverage_falls_and_the_amount_asked_for_rises() -> None:
    points = abstention(*_planted(tells=True), n_resamples=50, rng=np.random.default_rng(0)).points
    assert len(points) == 20
    assert (np.diff([point.coverage for point in points]) < 0).all()
    assert (np.diff([point.least for point in points]) > 0).all()


def test_accuracy_rises_where_tissue_makes_scores_sure() -> None:
    curve = abstention(*_planted(n=1600, tells=True), n_resamples=200, rng=np.random.default_rng(0))
    first, late = curve.points[0].accuracy, curve.points[15].accuracy
    assert first.high is not None and late.low is not None and late.low > first.high
    assert curve.tells.low is not None and curve.tells.low > 0.5


def test_an_amount_that_says_nothing_is_found_to_say_nothing() -> None:
    tells = abstention(*_planted(tells=False), n_resamples=200, rng=np.random.default_rng(0)).tells
    assert tells.low is not None and tells.high is not None and tells.low < 0.5 < tells.high


def test_points_of_few_patients_are_left_out() -> None:
    points = abstention(*_planted(n=40, tells=True), fewest=15, n_resamples=50, rng=np.random.default_rng(0)).points
    assert min(point.accuracy.n for point in points) >= 15


def test_patients_with_equal_amounts_are_answered_together() -> None:
    points = abstention([0, 1] * 6, [-1, 1] * 6, [7] * 12, n_resamples=50, rng=np.random.default_rng(0)).points
    assert [point.coverage for point in points] == [1.0]


def test_the_rule_asks_for_the_smallest_amount_that_suffices() -> None:
    points = abstention(*_planted(tells=True), n_resamples=50, rng=np.random.default_rng(0)).points
    least = least_amount(points, accuracy=0.8)
    assert least is not None
    assert all(point.accuracy.value >= 0.8 for point in points if point.least >= least and point.accuracy.value is not None)
    before = [point for point in points if point.least < least][-1]
    assert before.accuracy.value is not None and before.accuracy.value < 0.8


def test_wilsons_interval_is_that_of_scipy() -> None:
    from scipy.stats import binomtest

    for right, n in ((0, 5), (3, 7), (50, 50), (131, 208)):
        found = proportion([True] * right + [False] * (n - right))
        expected = binomtest(right, n).proportion_ci(method="wilson")
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-9, abs=1e-12)


def test_nobody_is_no_curve() -> None:
    with pytest.raises(StatisticsError, match="needs patients"):
        abstention([], [], [], rng=np.random.default_rng(0))
