"""Ridge regression of many genes at once on one vector per patient: what heads have to be better than.

It uses patients as heads do: training patients teach, validation patients choose, here the penalty of each gene.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cartopath.methods.regression.division import Part

_PENALTIES = np.logspace(-2, 5, 15)
"""Relative to the mean squared singular value per feature of standardised vectors."""


def ridge_values(vectors: NDArray[np.float64], targets: NDArray[np.float64], part: Part) -> NDArray[np.float64]:
    """Return predictions of the targets of a part's test patients.

    Args:
        vectors: (n_patients, n_features) one vector per patient.
        targets: (n_patients, n_genes), NaN for missing.
        part: Who teaches, who chooses, and who is predicted.

    Returns:
        (n_test, n_genes).
    """
    mean, sd = vectors[part.train].mean(axis=0), vectors[part.train].std(axis=0)
    scaled = (vectors - mean) / np.where(sd > 1e-12, sd, 1.0)
    predicted = np.zeros((len(part.test), targets.shape[1]))
    known = ~np.isnan(targets[part.train])
    patterns, which = np.unique(known, axis=1, return_inverse=True)  # Genes that lack the same patients are fitted together.
    for number, pattern in enumerate(patterns.T):
        genes = np.flatnonzero(which.ravel() == number)
        if pattern.any():
            teachers = part.train[pattern]
            fit = _Fit(scaled[teachers], targets[np.ix_(teachers, genes)])
            best = fit.best(scaled[part.validation], targets[np.ix_(part.validation, genes)])
            predicted[:, genes] = fit(scaled[part.test], best)
    return predicted


class _Fit:
    """Ridge regressions of all genes on the same patients, with every penalty.

    Args:
        x: (n, n_features).
        y: (n, n_genes).
    """

    def __init__(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
        self._centre, self._level = x.mean(axis=0), y.mean(axis=0)
        left, singular, right = np.linalg.svd(x - self._centre, full_matrices=False)
        kept = singular > 1e-9 * max(singular.max(initial=0.0), 1e-300)
        self._singular, self._right = singular[kept], right[kept]
        self._projected = left[:, kept].T @ (y - self._level)  # (rank, n_genes)
        unit = (self._singular**2).sum() / x.shape[1]
        self._shrinkages = [self._singular**2 / (self._singular**2 + penalty * unit) for penalty in _PENALTIES]

    def best(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the penalty of each gene with the smallest error on other patients; the largest where none was measured."""
        known = ~np.isnan(y)
        every = np.full(y.shape[1], 0)
        errors = [np.where(known, (self(x, every + number) - y) ** 2, 0.0).sum(axis=0) for number in range(len(_PENALTIES))]
        return np.where(known.any(axis=0), np.argmin(errors, axis=0), len(_PENALTIES) - 1)

    def __call__(self, x: NDArray[np.float64], penalties: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return predictions with the penalty of each gene, by its place in the list, (n, n_features) -> (n, n_genes)."""
        ahead = (x - self._centre) @ self._right.T / self._singular  # (n, rank)
        found = np.empty((len(x), len(self._level)))
        for number in np.unique(penalties):
            genes = penalties == number
            slopes = self._shrinkages[number][:, None] * self._projected[:, genes]
            found[:, genes] = ahead @ slopes + self._level[genes]
        return found
