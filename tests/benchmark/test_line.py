"""Lines through points."""

import numpy as np
import pytest
from scipy import stats

from cartopath.benchmark.line import slope


def test_slope_and_interval_are_those_of_scipy():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=30), rng.normal(size=30)
    line = stats.linregress(x, y)
    margin = stats.t.ppf(0.975, 28) * line.stderr
    found = slope(x, y)
    assert (found.value, found.low, found.high) == pytest.approx((line.slope, line.slope - margin, line.slope + margin))


def test_a_level_line_is_certain():
    found = slope([0.0, 1.0, 2.0], [4.0, 4.0, 4.0])
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)
