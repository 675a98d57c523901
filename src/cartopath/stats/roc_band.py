"""How sure a ROC curve is: a 95 % band of the sensitivity at each false positive rate (F58)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cartopath.core.errors import StatisticsError
from cartopath.stats.discrimination import patient_resamples, roc_curve
from cartopath.stats.inputs import binary, numbers, same_length

_CONFIDENCE = (2.5, 97.5)

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RocBand:
    """A band around a ROC curve.

    Attributes:
        false_positive_rate: (n,) rising from 0 to 1.
        low: (n,) sensitivity, lower end.
        high: (n,) upper end.
    """

    false_positive_rate: Floats
    low: Floats
    high: Floats


def roc_band(
    labels: ArrayLike, scores: ArrayLike, *, n_points: int = 101, n_resamples: int = 1000, rng: np.random.Generator
) -> RocBand | None:
    """Return the percentile band of a ROC curve from resampled patients, one row each; None where most samples have one class.

    The band is vertical: at each false positive rate it holds the sensitivity of 95 % of the resampled curves. It is no promise
    about the curve as a whole.

    Args:
        labels: (n,) booleans or 0 and 1.
        scores: (n,) any numbers, higher for positive.
        n_points: Places along the false positive rate.
        n_resamples: Bootstrap samples.
        rng: Where chance comes from.

    Raises:
        StatisticsError: One class is missing, a value is, or there are no points.

    >>> band = roc_band([0] * 20 + [1] * 20, range(40), n_points=3, rng=np.random.default_rng(0))
    >>> band.false_positive_rate.tolist(), band.low.tolist()
    ([0.0, 0.5, 1.0], [1.0, 1.0, 1.0])
    """
    positive, score = binary(labels, "roc_band: labels"), numbers(scores, "roc_band: scores")
    n = same_length(labels=positive, scores=score)
    if n_points < 2:
        raise StatisticsError(f"roc_band: a band has at least 2 points. Got 'n_points' {n_points} instead.")
    roc_curve(positive, score)  # says so where a class is missing
    order = np.argsort(-score, kind="stable")
    last = np.append(np.flatnonzero(np.diff(score[order])), n - 1)
    places = np.linspace(0.0, 1.0, n_points)
    drawn: list[Floats] = []
    for weights in patient_resamples(n, n, n_resamples, rng):
        true, false = (np.cumsum(weights[:, order] * chosen[order], axis=1)[:, last] for chosen in (positive, ~positive))
        for own_true, own_false in zip(true, false, strict=True):
            if own_true[-1] > 0 and own_false[-1] > 0:
                drawn.append(sensitivity_at(places, own_false / own_false[-1], own_true / own_true[-1]))
    if len(drawn) < n_resamples / 2 or not drawn:
        return None
    low, high = np.percentile(np.asarray(drawn), _CONFIDENCE, axis=0)
    return RocBand(places, low, high)


def sensitivity_at(places: Floats, false_positive_rate: Floats, true_positive_rate: Floats) -> Floats:
    """Return the sensitivity of a curve at false positive rates: the highest where it rises straight up, linear in between.

    >>> sensitivity_at(np.array([0.0, 0.5, 1.0]), np.array([0.0, 0.0, 1.0]), np.array([0.4, 0.8, 1.0])).round(2).tolist()
    [0.8, 0.9, 1.0]
    """
    x, y = np.concatenate(([0.0], false_positive_rate)), np.concatenate(([0.0], true_positive_rate))
    before = np.searchsorted(x, places, side="right") - 1
    after = np.minimum(before + 1, len(x) - 1)
    width = x[after] - x[before]
    part = np.where(width > 0, (places - x[before]) / np.where(width > 0, width, 1.0), 0.0)
    found: Floats = y[before] + part * (y[after] - y[before])
    return found
