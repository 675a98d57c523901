"""Ridge regression that learns from means over regions and predicts single spots.

A linear function of a spot's features has, as its mean over a region, the same function of the region's mean features. So a
region is one equation, and its noise falls with the number of its spots. Everything is relative to the section: features of spots
have mean 0, labels of regions too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LabelledRegions:
    """The regions of one section as equations.

    Attributes:
        features: (n_spots, n_features), of mean 0 over the section.
        weights: (n_regions, n_spots): the share that each spot has in its region; rows add up to 1.
        n_spots: (n_regions,).
        labels: (n_regions, n_targets).
    """

    features: Array
    weights: Array
    n_spots: Array
    labels: Array

    @property
    def means(self) -> Array:
        """Mean features of the regions, (n_regions, n_features)."""
        return np.asarray(self.weights @ self.features)

    @property
    def centred(self) -> Array:
        """Labels against the mean of the section's regions, (n_regions, n_targets)."""
        return np.asarray(self.labels - self.labels.mean(axis=0))


def predict_spots(sections: Sequence[LabelledRegions], features: Array, noises: Sequence[float]) -> list[Array]:
    """Return what ridge regressions say of spots, one for each penalty.

    Args:
        sections: What is learned from.
        features: (n_spots, n_features) of another section, of mean 0.
        noises: Penalties: variance of a mean-sized region's label that features do not explain, in units of the variance over
            spots that they do.

    Returns:
        For each penalty (n_spots, n_targets), of mean 0 over the spots.
    """
    means, labels = np.vstack([section.means for section in sections]), np.vstack([section.centred for section in sections])
    n_spots = np.concatenate([section.n_spots for section in sections])
    towards = features - features.mean(axis=0)
    precision = n_spots / n_spots.mean()
    if len(means) > means.shape[1]:
        return [towards @ _coefficients(means, labels, precision, noise) for noise in noises]
    n_features = means.shape[1]
    among = means @ means.T / n_features  # (n_regions, n_regions)
    kernel = towards @ means.T / n_features  # (n_spots, n_regions)
    return [kernel @ np.linalg.solve(among + noise * np.diag(1 / precision), labels) for noise in noises]


def _coefficients(means: Array, labels: Array, precision: Array, noise: float) -> Array:
    """Return the same regression as coefficients of features, which is less work where regions outnumber features."""
    weighted = means.T * precision  # (n_features, n_regions)
    n_features = means.shape[1]
    return np.asarray(np.linalg.solve(weighted @ means + noise * n_features * np.eye(n_features), weighted @ labels))


def shared_profiles(sections: Sequence[LabelledRegions], rank: int) -> Array:
    """Return the profiles along which the labels of regions differ most: orthonormal, (n_targets, rank) or fewer columns."""
    labels = np.vstack([section.centred for section in sections])
    return np.asarray(np.linalg.svd(labels, full_matrices=False)[2][:rank].T)
