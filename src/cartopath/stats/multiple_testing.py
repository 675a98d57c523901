"""Correction for multiple testing: of the share of false discoveries, and of the chance of a single one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import StatisticsError
from cartopath.stats.inputs import Values, one_dimensional


def benjamini_hochberg(p_values: Values) -> NDArray[np.float64]:
    """Return the q-values of Benjamini and Hochberg (1995), which control the false discovery rate.

    Args:
        p_values: (n,) p-values, 0 to 1. None or NaN (an undefined test) stays NaN and does not count as a test.

    Raises:
        StatisticsError: A value lies outside 0 to 1.

    >>> benjamini_hochberg([0.01, 0.02, 0.03, 0.5]).round(6).tolist()
    [0.04, 0.04, 0.04, 0.5]
    """
    p, order = _tests_in_order(p_values, "benjamini_hochberg")
    scaled = p[order] * len(order) / np.arange(1, len(order) + 1)
    return _placed(np.minimum.accumulate(scaled[::-1])[::-1], order, len(p))


def holm(p_values: Values) -> NDArray[np.float64]:
    """Return p-values adjusted by Holm (1979): calling those below 0.05 errs once or more in at most 5 % of studies.

    Args:
        p_values: (n,) p-values, 0 to 1. None or NaN (an undefined test) stays NaN and does not count as a test.

    Raises:
        StatisticsError: A value lies outside 0 to 1.

    >>> holm([0.01, 0.04, 0.03, 0.005]).round(6).tolist()
    [0.03, 0.06, 0.06, 0.02]
    """
    p, order = _tests_in_order(p_values, "holm")
    scaled = p[order] * np.arange(len(order), 0, -1)
    return _placed(np.maximum.accumulate(scaled), order, len(p))


def _tests_in_order(p_values: Values, caller: str) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return the p-values, and where the defined ones stand, in rising order."""
    p = one_dimensional(p_values, f"{caller}: p_values")
    known = np.flatnonzero(~np.isnan(p))
    if ((p[known] < 0) | (p[known] > 1)).any():
        raise StatisticsError(f"{caller}: p-values lie between 0 and 1; something else was passed")
    return p, known[np.argsort(p[known], kind="stable")]


def _placed(adjusted: NDArray[np.float64], order: NDArray[np.intp], n: int) -> NDArray[np.float64]:
    """Return adjusted values, 1 at most, where their tests stand; NaN elsewhere."""
    placed = np.full(n, np.nan)
    placed[order] = np.minimum(adjusted, 1.0)
    return placed
