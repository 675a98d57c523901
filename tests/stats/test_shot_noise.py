import numpy as np
import pytest
from scipy.stats import poisson

from cartopath.stats.shot_noise import expected_log1p


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.7, 5.0, 24.0, 26.0, 80.0, 900.0])
@pytest.mark.parametrize("scale", [0.05, 1.0, 20.0])
def test_expected_logarithm_is_that_of_scipys_poisson(rate, scale):
    counts = np.arange(3000)
    expected = (poisson(rate).pmf(counts) * np.log1p(counts * scale)).sum()
    assert expected_log1p(np.array([rate]), scale)[0] == pytest.approx(expected, rel=2e-4, abs=1e-12)


def test_few_counts_have_lower_logarithms_than_many_of_the_same_mean():
    values = expected_log1p(np.array([0.5, 5.0, 50.0]), np.array([10.0, 1.0, 0.1]))
    assert values[0] < values[1] < values[2] < np.log1p(5.0)
