"""How the traits are mixed in a patient: how much of each, and how much they coincide."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartopath.simulate.truth import combination_entropy

_POOL = 4000
_POOL_POINTS = 400
_HTI_BINS = 8


@dataclass(frozen=True, slots=True)
class Mixture:
    """How the traits are mixed in one patient: positive shares, and correlations of the fields with the first one's."""

    fractions: tuple[float, ...]
    correlations: tuple[float, ...]


def draw_mixtures(n_patients: int, n_traits: int, rng: np.random.Generator) -> list[Mixture]:
    """Draw mixtures whose heterogeneity spreads over 0..1 and tells little about how much of each trait there is.

    A pool of mixtures with uniform shares and correlations is thinned so that, for every pattern of shares above and below one
    half, the expected heterogeneity is about uniform over what that pattern allows.

    Args:
        n_patients: How many mixtures.
        n_traits: How many traits.
        rng: Where they come from.
    """
    fractions = rng.uniform(0.02, 0.95, size=(_POOL, n_traits))
    # Uniform in the angle: many strong correlations of either sign, which the extremes of heterogeneity need.
    correlations = np.cos(rng.uniform(0, np.pi, size=(_POOL, max(0, n_traits - 1))))
    expected = _expected_hti(fractions, correlations, rng)
    pattern = (fractions > 0.48) @ (1 << np.arange(n_traits))
    cell = pattern * _HTI_BINS + np.minimum((expected * _HTI_BINS).astype(int), _HTI_BINS - 1)
    weight = 1.0 / np.bincount(cell, minlength=cell.max() + 1)[cell]
    chosen = rng.choice(_POOL, size=n_patients, replace=n_patients > _POOL // 4, p=weight / weight.sum())
    return [Mixture(tuple(fractions[i].tolist()), tuple(correlations[i].tolist())) for i in chosen]


def _expected_hti(
    fractions: NDArray[np.float64], correlations: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Heterogeneity of an endless slide of each mixture, by drawing points of normal fields."""
    n_traits = fractions.shape[1]
    draws = rng.standard_normal((n_traits, _POOL_POINTS))
    values = np.empty(len(fractions))
    for i, (shares, links) in enumerate(zip(fractions, correlations, strict=True)):
        fields = draws.copy()
        fields[1:] = links[:, None] * draws[0] + np.sqrt(1 - links[:, None] ** 2) * draws[1:]
        ranks = fields.argsort(axis=1).argsort(axis=1) / _POOL_POINTS
        values[i] = combination_entropy((ranks > 1 - shares[:, None]).T)
    return values
