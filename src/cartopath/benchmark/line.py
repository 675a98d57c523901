"""A straight line through points, and how sure its slope is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats


@dataclass(frozen=True, slots=True)
class Slope:
    """The slope of a least-squares line.

    Attributes:
        value: Of the line.
        low: Lower end of its 95 % interval.
        high: Upper end.
    """

    value: float
    low: float
    high: float


def slope(x: Sequence[float] | NDArray[np.float64], y: Sequence[float] | NDArray[np.float64]) -> Slope:
    """Return the slope through at least three points, its interval by Student's t.

    >>> slope([0, 1, 2, 3], [5, 7, 9, 11])
    Slope(value=2.0, low=2.0, high=2.0)
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    spread = ((x - x.mean()) ** 2).sum()
    value = ((x - x.mean()) * (y - y.mean())).sum() / spread
    rest = y - y.mean() - value * (x - x.mean())
    margin = stats.t.ppf(0.975, len(x) - 2) * np.sqrt((rest**2).sum() / (len(x) - 2) / spread)
    return Slope(float(value), float(value - margin), float(value + margin))
