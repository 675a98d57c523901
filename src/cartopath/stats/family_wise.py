"""Correction for multiple testing that controls the chance of a single false discovery: Holm's procedure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import StatisticsError
from cartopath.stats.inputs import Values, one_dimensional


def holm(p_values: Values) -> NDArray[np.float64]:
    """Return p-values adjusted by Holm (1979): calling those below 0.05 errs once or more in at most 5 % of studies.

    Args:
        p_values: (n,) p-values, 0 to 1. None or NaN (an undefined test) stays NaN and does not count as a test.

    Raises:
        StatisticsError: A value lies outside 0 to 1.

    >>> holm([0.01, 0.04, 0.03, 0.005]).round(6).tolist()
    [0.03, 0.06, 0.06, 0.02]
    """
    p = one_dimensional(p_values, "holm: p_values")
    known = np.flatnonzero(~np.isnan(p))
    if ((p[known] < 0) | (p[known] > 1)).any():
        raise StatisticsError("holm: p-values lie between 0 and 1; something else was passed")
    order = known[np.argsort(p[known], kind="stable")]
    scaled = p[order] * np.arange(len(order), 0, -1)
    adjusted = np.full(p.shape, np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return adjusted
