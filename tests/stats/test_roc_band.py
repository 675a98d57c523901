"""Bands around ROC curves (F58)."""

from __future__ import annotations

import numpy as np
import pytest

from cartopath.core.errors import StatisticsError
from cartopath.stats import roc_curve
from cartopath.stats.roc_band import roc_band, sensitivity_at


def _scores(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3 == 0
    return labels, rng.normal(size=n) + labels


def test_the_band_holds_the_curve() -> None:
    labels, scores = _scores(120)
    band, curve = roc_band(labels, scores, n_resamples=400, rng=np.random.default_rng(0)), roc_curve(labels, scores)
    assert band is not None
    own = sensitivity_at(band.false_positive_rate, curve.false_positive_rate, curve.true_positive_rate)
    inside = (band.low - 1e-12 <= own) & (own <= band.high + 1e-12)
    assert inside.mean() > 0.95


def test_the_band_narrows_with_more_patients() -> None:
    few, many = (roc_band(*_scores(n), n_resamples=300, rng=np.random.default_rng(0)) for n in (60, 960))
    assert few is not None and many is not None
    ratio = (few.high - few.low).mean() / (many.high - many.low).mean()
    assert 2.5 < ratio < 6.0  # 16 times the patients: about 4


def test_the_band_covers_the_curve_of_the_population() -> None:
    from scipy.stats import norm

    places = np.linspace(0, 1, 101)
    truth = norm.sf(norm.isf(places) - 1.0)  # positives are one standard deviation higher
    covered = []
    for seed in range(25):
        band = roc_band(*_scores(150, seed), n_resamples=200, rng=np.random.default_rng(seed))
        assert band is not None
        covered.append(((band.low <= truth) & (truth <= band.high))[20:81].mean())
    assert np.mean(covered) > 0.85


def test_one_positive_patient_gives_no_band_but_no_error() -> None:
    labels = np.zeros(4, bool)
    labels[0] = True
    band = roc_band(labels, [4.0, 3.0, 2.0, 1.0], n_resamples=200, rng=np.random.default_rng(0))
    assert band is None or (band.low <= band.high).all()


def test_one_class_is_refused() -> None:
    with pytest.raises(StatisticsError, match="all 3 labels are positive"):
        roc_band([1, 1, 1], [0.1, 0.2, 0.3], rng=np.random.default_rng(0))
