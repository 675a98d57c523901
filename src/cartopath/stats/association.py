"""Whether two measurements go together: correlations with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import StatisticsError
from cartopath.stats.inputs import Values, choice, one_dimensional, same_length

_Z_95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Correlation:
    """A correlation with its two-sided p-value and 95 % confidence interval.

    Attributes:
        r: The coefficient, -1 to 1. None where it is undefined.
        p_value: Two-sided, against no correlation. None where it is undefined.
        n: Pairs used.
        low: Lower end of the interval, None where it is undefined.
        high: Upper end of the interval, None where it is undefined.
        reason: Why something is undefined, "" where nothing is.
        n_missing: Pairs left out because a value is missing.
    """

    r: float | None
    p_value: float | None
    n: int
    low: float | None
    high: float | None
    reason: str = ""
    n_missing: int = 0


def correlation(x: Values, y: Values, *, kind: Literal["spearman", "pearson"] = "spearman") -> Correlation:
    """Return the correlation of two measurements; report both kinds [A35].

    The interval is Fisher's, with the standard error of Bonett and Wright (2000) for Spearman's coefficient.

    Args:
        x: (n,) numbers; pairs with a missing value are left out and counted.
        y: (n,) numbers.
        kind: Spearman's (of ranks, ties averaged) or Pearson's.

    Raises:
        StatisticsError: The lengths differ, or a value is infinite.

    >>> result = correlation([1, 2, 3, 4, 5], [1, 3, 2, 5, 4])
    >>> round(result.r, 3), round(result.p_value, 3), result.n
    (0.8, 0.104, 5)
    >>> correlation([1, 2, 3], [7, 7, 7]).reason
    'the second measurement is constant'
    """
    from scipy import stats

    choice(kind, ("spearman", "pearson"), "kind")
    first, second = one_dimensional(x, "correlation: x"), one_dimensional(y, "correlation: y")
    same_length(x=first, y=second)
    if np.isinf(first).any() or np.isinf(second).any():
        raise StatisticsError("correlation: a value is infinite; a logarithm of zero?")
    known = ~np.isnan(first) & ~np.isnan(second)
    first, second, n_missing = first[known], second[known], int((~known).sum())
    n = len(first)
    reason = _uncorrelatable(first, second)
    if reason:
        return Correlation(None, None, n, None, None, reason, n_missing)
    result = (stats.spearmanr if kind == "spearman" else stats.pearsonr)(first, second)
    r, p_value = float(result.statistic), float(result.pvalue)
    if n < 4:
        return Correlation(r, p_value, n, None, None, "an interval needs at least 4 pairs", n_missing)
    low, high = _fisher_interval(r, n, kind)
    return Correlation(r, p_value, n, low, high, "", n_missing)


def _uncorrelatable(first: NDArray[np.float64], second: NDArray[np.float64]) -> str:
    if len(first) < 3:
        return f"{len(first)} pairs; a correlation needs at least 3"
    for values, which in ((first, "first"), (second, "second")):
        if np.ptp(values) <= 1e-13 * np.abs(values).max():  # Also what rounding makes of a constant.
            return f"the {which} measurement is constant"
    return ""


def _fisher_interval(r: float, n: int, kind: str) -> tuple[float, float]:
    if abs(r) >= 1:
        return r, r
    error = np.sqrt((1 + r**2 / 2 if kind == "spearman" else 1.0) / (n - 3))
    return float(np.tanh(np.arctanh(r) - _Z_95 * error)), float(np.tanh(np.arctanh(r) + _Z_95 * error))
