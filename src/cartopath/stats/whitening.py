"""Features along the directions in which pieces of tissue differ, each brought to the same spread; no label is looked at.

An encoder gives many features that say nearly the same, and a few strong ones, such as the amount of tissue, that hide the others
in a distance. Along the directions of all slides, each of one spread, they count alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cartopath.core.errors import StatisticsError

_SMALLEST = 1e-6
"""Directions whose spread is a smaller share of the largest are rounding, not tissue."""


@dataclass(frozen=True, eq=False, slots=True)
class Whitening:
    """A change of axes.

    Attributes:
        mean: (n_features,) what becomes 0.
        axes: (n_features, n_directions) the directions, each divided by the spread along it.
    """

    mean: NDArray[np.float64]
    axes: NDArray[np.float64]

    def __call__(self, features: ArrayLike) -> NDArray[np.float64]:
        """Return features along the directions, (n, n_features) -> (n, n_directions), float64."""
        whitened: NDArray[np.float64] = (np.asarray(features, dtype=np.float64) - self.mean) @ self.axes
        return whitened


def whitening(means: ArrayLike, *, max_directions: int = 20) -> Whitening:
    """Learn the directions in which pieces of tissue differ most from the mean features of many of them.

    Args:
        means: (n_pieces, n_features) mean features of slides or patients; those without a label help as much.
        max_directions: At most so many; fewer where the pieces do not differ in so many.

    Raises:
        StatisticsError: There are fewer than three pieces, they do not differ, or a value is not finite.

    >>> rng = np.random.default_rng(0)
    >>> kind = rng.normal(size=(200, 2)) * [100.0, 1.0]
    >>> whiten = whitening(kind @ rng.normal(size=(2, 6)), max_directions=4)
    >>> whiten.axes.shape
    (6, 2)
    """
    values = np.asarray(means, dtype=np.float64)
    if values.ndim != 2 or len(values) < 3 or not np.isfinite(values).all():
        raise StatisticsError(
            f"whitening: needs finite mean features (n_pieces, n_features) of at least 3 pieces. Got shape {values.shape}."
        )
    mean = values.mean(axis=0)
    _, lengths, directions = np.linalg.svd(values - mean, full_matrices=False)
    spread = lengths / np.sqrt(len(values) - 1)
    kept = np.flatnonzero(spread > max(_SMALLEST * float(spread[0]), 1e-300))[:max_directions]
    if not len(kept):
        raise StatisticsError(f"whitening: all {len(values)} pieces have the same mean features; use another encoder")
    return Whitening(mean, directions[kept].T / spread[kept])
