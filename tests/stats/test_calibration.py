"""Calibration: lines against numpy and scipy, bins that hold what they say, intervals by patients."""

import numpy as np
import pytest
from scipy import stats

from cartopath.core.errors import StatisticsError
from cartopath.stats.calibration import calibration


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_the_line_is_that_of_scipy(rng):
    x = rng.normal(size=120)
    y = 0.7 * x + 0.2 + rng.normal(size=120)
    found, theirs = calibration(y, x, rng=rng), stats.linregress(x, y)
    assert (found.slope.value, found.intercept.value) == pytest.approx((theirs.slope, theirs.intercept), rel=1e-9)
    half = 1.96 * theirs.stderr
    assert (found.slope.low, found.slope.high) == pytest.approx((theirs.slope - half, theirs.slope + half), abs=0.06)


def test_overconfident_predictions_have_a_slope_below_one(rng):
    truth = rng.normal(size=500)
    found = calibration(truth, 2 * truth + rng.normal(size=500), rng=rng)
    assert found.slope.high < 0.6


def test_bins_hold_equally_many_values_and_their_means(rng):
    x = rng.permutation(np.arange(100.0))
    found = calibration(2 * x, x, n_bins=5, rng=rng)
    assert found.n.tolist() == [20] * 5
    assert found.predicted == pytest.approx([9.5, 29.5, 49.5, 69.5, 89.5])
    assert found.measured == pytest.approx(2 * found.predicted)
    assert (found.low <= found.measured).all() and (found.measured <= found.high).all()


def test_equal_predictions_share_a_bin(rng):
    found = calibration([1, 2, 3, 4, 5, 6], [0, 0, 0, 0, 0, 7], n_bins=3, rng=rng)
    assert found.n.tolist() == [5, 1]


def test_a_constant_prediction_has_no_slope(rng):
    found = calibration([1.0, 2.0, 3.0], [5.0, 5.0, 5.0], rng=rng)
    assert found.slope.value is None
    assert found.slope.reason == "every prediction is the same"
    assert found.measured.tolist() == [2.0]


def test_values_of_one_patient_are_drawn_together(rng):
    x = rng.normal(size=30)
    y = x + rng.normal(size=30)
    patients = np.arange(30)
    alone = calibration(y, x, patients, rng=np.random.default_rng(1)).slope
    repeated = calibration(np.tile(y, 20), np.tile(x, 20), np.tile(patients, 20), rng=np.random.default_rng(1)).slope
    assert repeated.high - repeated.low == pytest.approx(alone.high - alone.low, rel=0.05)
    assert repeated.n_groups == 30


def test_few_patients_give_no_interval(rng):
    found = calibration([1.0, 2.0, 4.0], [1.0, 2.0, 3.0], rng=rng)
    assert (found.slope.low, found.slope.reason) == (None, "3 groups; an interval needs 5")
    assert np.isnan(found.low).all()


def test_nothing_is_refused(rng):
    with pytest.raises(StatisticsError, match="0 values in 10 bins"):
        calibration([], [], rng=rng)
