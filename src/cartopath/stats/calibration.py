"""Whether predicted values mean what they say: measured against predicted in bins, and the line through them.

A slope of 1 and an intercept of 0 are perfect calibration; a slope below 1 means that predictions differ more than what is
measured. Intervals are 95 % percentile intervals of a bootstrap that draws groups (patients) with all their values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import StatisticsError
from cartopath.stats.discrimination import patient_resamples
from cartopath.stats.estimate import Estimate
from cartopath.stats.inputs import Names, Values, names_of, numbers, same_length

_CONFIDENCE = (2.5, 97.5)
_MIN_GROUPS = 5


@dataclass(frozen=True, eq=False)
class Calibration:
    """Predicted against measured values.

    Attributes:
        slope: Of the least-squares line of the measured on the predicted value.
        intercept: Of that line.
        predicted: (n_bins,) mean predicted value of each bin, rising.
        measured: (n_bins,) mean measured value.
        low: (n_bins,) lower ends of the intervals of the measured means; NaN where there is none.
        high: (n_bins,) upper ends.
        n: (n_bins,) values in each bin.
    """

    slope: Estimate
    intercept: Estimate
    predicted: NDArray[np.float64]
    measured: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    n: NDArray[np.int64]


def calibration(
    measured: Values,
    predicted: Values,
    groups: Names | None = None,
    *,
    n_bins: int = 10,
    n_resamples: int = 1000,
    rng: np.random.Generator,
) -> Calibration:
    """Return how predicted values go with measured ones.

    Args:
        measured: (n,) numbers; leave rows without a value out first.
        predicted: (n,) numbers in the same unit.
        groups: (n,) what is drawn together, such as the patient of each value; None: every value by itself.
        n_bins: Bins with equally many values; equal predictions share one, so that there may be fewer.
        n_resamples: Bootstrap samples.
        rng: Where chance comes from.

    Raises:
        StatisticsError: A value is missing, the lengths differ, or there are no values or bins.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> predicted = rng.normal(size=400)
    >>> found = calibration(0.5 * predicted + 1, predicted, n_bins=4, rng=rng)
    >>> round(found.slope.value, 6), round(found.intercept.value, 6), found.n.tolist()
    (0.5, 1.0, [100, 100, 100, 100])
    """
    y, x = numbers(measured, "calibration: measured"), numbers(predicted, "calibration: predicted")
    names = names_of(np.arange(len(y)) if groups is None else groups, "calibration: groups")
    same_length(measured=y, predicted=x, groups=names)
    if not len(y) or n_bins < 1:
        raise StatisticsError(f"calibration: {len(y)} values in {n_bins} bins; at least one of each is needed")
    unique, group = np.unique(names, return_inverse=True)
    place = _bins(x, n_bins)
    n = np.bincount(place)
    sums = _by_group(group, len(unique), x, y)
    counts, totals = _by_group_and_bin(group, place, y)
    slope, intercept = _line(sums.sum(axis=0, keepdims=True))
    drawn = _resampled(sums, counts, totals, len(y), n_resamples, rng) if len(unique) >= _MIN_GROUPS else None
    return Calibration(
        slope=_estimate(slope[0], None if drawn is None else drawn.slopes, len(y), len(unique)),
        intercept=_estimate(intercept[0], None if drawn is None else drawn.intercepts, len(y), len(unique)),
        predicted=np.bincount(place, weights=x) / n,
        measured=np.bincount(place, weights=y) / n,
        low=np.full(len(n), np.nan) if drawn is None else drawn.ends[0],
        high=np.full(len(n), np.nan) if drawn is None else drawn.ends[1],
        n=n,
    )


@dataclass(frozen=True, eq=False)
class _Resampled:
    """Lines of the bootstrap samples, and the interval ends of each bin, (2, n_bins)."""

    slopes: NDArray[np.float64]
    intercepts: NDArray[np.float64]
    ends: NDArray[np.float64]


def _resampled(
    sums: NDArray[np.float64],
    counts: NDArray[np.float64],
    totals: NDArray[np.float64],
    n: int,
    n_resamples: int,
    rng: np.random.Generator,
) -> _Resampled:
    lines, means = [], []
    for weights in patient_resamples(len(sums), n, n_resamples, rng):
        lines.append(_line(weights @ sums))
        drawn = weights @ counts
        means.append(np.where(drawn > 0, weights @ totals / np.maximum(drawn, 1), np.nan))
    slopes, intercepts = (np.concatenate(part) for part in zip(*lines, strict=True))
    return _Resampled(slopes, intercepts, _ends(np.concatenate(means)))


def _bins(values: NDArray[np.float64], n_bins: int) -> NDArray[np.int64]:
    """Return the bin of each value: as many values in each as ties allow, none empty."""
    edges = np.unique(np.quantile(values, np.arange(1, n_bins) / n_bins))
    return np.unique(np.searchsorted(edges, values, side="left"), return_inverse=True)[1]


def _by_group(group: NDArray[np.int64], n_groups: int, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sums of 1, x, y, x*x and x*y over each group, (n_groups, 5)."""
    return np.column_stack([np.bincount(group, row, minlength=n_groups) for row in (np.ones_like(x), x, y, x * x, x * y)])


def _by_group_and_bin(
    group: NDArray[np.int64], place: NDArray[np.int64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how many values each group has in each bin, and their sums, both (n_groups, n_bins)."""
    shape = (int(group.max()) + 1, int(place.max()) + 1)
    cell = group * shape[1] + place
    size = shape[0] * shape[1]
    counts = np.bincount(cell, minlength=size).reshape(shape).astype(np.float64)
    totals: NDArray[np.float64] = np.bincount(cell, y, minlength=size).reshape(shape).astype(np.float64)
    return counts, totals


def _line(sums: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return slopes and intercepts from sums of 1, x, y, x*x, x*y, (n_samples, 5); NaN where x is constant."""
    n, x, y, xx, xy = sums.T
    spread = xx - x * x / n
    constant = spread <= 1e-12 * np.maximum(xx, 1e-300)
    slope = np.where(constant, np.nan, (xy - x * y / n) / np.where(constant, 1.0, spread))
    return slope, (y - slope * x) / n


def _estimate(value: float, drawn: NDArray[np.float64] | None, n: int, n_groups: int) -> Estimate:
    if np.isnan(value):
        return Estimate(None, None, None, n, "every prediction is the same", n_groups)
    samples = np.empty(0) if drawn is None else drawn[~np.isnan(drawn)]
    if not len(samples):
        return Estimate(float(value), None, None, n, f"{n_groups} groups; an interval needs {_MIN_GROUPS}", n_groups)
    low, high = np.percentile(samples, _CONFIDENCE)
    return Estimate(float(value), float(low), float(high), n, "", n_groups)


def _ends(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return interval ends of each bin, (n_samples, n_bins) -> (2, n_bins); NaN where most resamples leave it empty."""
    ends = np.full((2, means.shape[1]), np.nan)
    for place, column in enumerate(means.T):
        known = column[~np.isnan(column)]
        if len(known) >= len(column) / 2:
            ends[:, place] = np.percentile(known, _CONFIDENCE)
    return ends
