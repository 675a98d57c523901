"""Features brought to a common scale while a head learns; afterwards the scale is part of its first layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cartopath.training.heads.bags import Bag

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SMALLEST_SHARE = 0.01


@dataclass(frozen=True, eq=False, slots=True)
class Scaling:
    """What is taken from each feature, and what it is then multiplied by.

    Encoders differ in scale by orders of magnitude; one learning rate serves all once features have mean 0 and deviation 1.

    Attributes:
        mean: (n_features,) float64.
        factor: (n_features,) float64.
    """

    mean: NDArray[np.float64]
    factor: NDArray[np.float64]

    def __call__(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """Return features at the common scale, (n, n_features) -> (n, n_features) float32."""
        scaled = features.astype(np.float32)
        scaled -= self.mean.astype(np.float32)
        scaled *= self.factor.astype(np.float32)
        return scaled

    def folded(self, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the first layer that gives for features as they are what this one gives for scaled ones.

        Args:
            weight: (n_hidden, n_features).
            bias: (n_hidden,).
        """
        own = weight.astype(np.float64) * self.factor
        return own.astype(np.float32), (bias - own @ self.mean).astype(np.float32)


def scaling_of(bags: Sequence[Bag]) -> Scaling:
    """Return the scaling that gives the tiles of these bags, together, mean 0 and deviation 1.

    A feature that hardly varies is not blown up: no deviation counts as less than a hundredth of their root mean square.
    """
    n_tiles = sum(len(bag.features) for bag in bags)
    mean = np.sum([bag.features.sum(axis=0, dtype=np.float64) for bag in bags], axis=0) / n_tiles
    square = np.sum([np.square(bag.features - mean).sum(axis=0) for bag in bags], axis=0) / n_tiles  # (n_features,)
    deviation = np.maximum(np.sqrt(square), _SMALLEST_SHARE * np.sqrt(square.mean()))
    return Scaling(mean, 1.0 / np.where(deviation > 0, deviation, 1.0))
