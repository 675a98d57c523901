"""Whitening: features along the directions in which pieces differ, on planted directions."""

import numpy as np
import pytest

from cartopath.core.errors import StatisticsError
from cartopath.stats.whitening import whitening


def planted(n: int = 300) -> np.ndarray:
    """Three directions of very different spread among ten features, and a constant part."""
    rng = np.random.default_rng(0)
    return 7.0 + (rng.normal(size=(n, 3)) * [50.0, 1.0, 0.1]) @ rng.normal(size=(3, 10))


def test_whitened_pieces_have_covariance_one():
    means = planted()
    whitened = whitening(means)(means)
    assert whitened.shape == (300, 3)
    np.testing.assert_allclose(np.cov(whitened.T), np.eye(3), atol=1e-9)
    np.testing.assert_allclose(whitened.mean(axis=0), 0, atol=1e-9)


def test_a_weak_direction_counts_as_much_as_a_strong_one():
    rng = np.random.default_rng(1)
    directions = np.linalg.qr(rng.normal(size=(10, 2)))[0]
    strength = rng.normal(size=(200, 2))
    means = (strength * [100.0, 1.0]) @ directions.T
    whitened = whitening(means)(means)
    weak = strength[:, 1]
    assert max(abs(np.corrcoef(weak, column)[0, 1]) for column in whitened.T) > 0.95
    assert np.linalg.lstsq(whitened, weak - weak.mean(), rcond=None)[1] < 1e-9


def test_directions_are_the_widest_ones_and_no_more_than_asked_for():
    means = planted()
    whiten = whitening(means, max_directions=1)
    assert whiten.axes.shape == (10, 1)
    assert abs(np.corrcoef(whiten(means)[:, 0], means[:, 0])[0, 1]) > 0.99


@pytest.mark.parametrize("means", [np.ones((5, 3)), np.ones((2, 3)), np.full((5, 3), np.nan), np.ones(5)])
def test_what_cannot_be_whitened_is_refused(means):
    with pytest.raises(StatisticsError, match="whitening"):
        whitening(means)
