"""Measured and predicted values in deviations from the mean of those who were learned from, without the test patients.

Values of several folds cannot be put together as they are: the mean of everybody else is low where the test patients are high, so
that predictions of nothing at all, which lie about that mean, go against what was measured (a median correlation of -0.1 to -0.2
with five folds). In deviations from it, nothing gives nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartopath.methods.regression.division import Part


@dataclass(frozen=True, eq=False)
class Standard:
    """The scale of each gene in one part.

    Attributes:
        mean: (n_genes,) over training and validation patients; 0 where none was measured.
        sd: (n_genes,) over the same; 1 where they do not vary.
    """

    mean: NDArray[np.float64]
    sd: NDArray[np.float64]

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return values in deviations from the mean, (n, n_genes) -> (n, n_genes)."""
        return (values - self.mean) / self.sd


def standard_of(values: NDArray[np.float64], part: Part) -> Standard:
    """Return the scale of each gene by the training and validation patients of a part.

    Args:
        values: (n_patients, n_genes), NaN for missing.
        part: Who trains and who decides when a training ends.
    """
    own = values[part.known]
    known = ~np.isnan(own)
    n = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, own, 0.0).sum(axis=0) / n
    sd = np.sqrt(np.where(known, (own - mean) ** 2, 0.0).sum(axis=0) / n)
    varies = sd > 1e-9 * np.maximum(np.abs(mean), 1e-12)
    return Standard(mean, np.where(varies, sd, 1.0))
