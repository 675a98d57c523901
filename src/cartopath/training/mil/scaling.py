"""Features at a common scale, or their principal components, as training bags define them; it travels with the head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cartopath.core.errors import TrainingError
from cartopath.core.rng import stream
from cartopath.training.mil.bags import Bag, check_finite

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SMALLEST_SHARE = 0.01
_TILES_PER_BAG = 2048


@dataclass(frozen=True, eq=False, slots=True)
class FeatureScaling:
    """What is taken from each feature, what it is then multiplied by, and onto which directions it is then projected.

    Attributes:
        mean: (n_features,) float64.
        factor: (n_features,) float64.
        components: (n_features, n_components) float64, or None for the features themselves.
    """

    mean: NDArray[np.float64]
    factor: NDArray[np.float64]
    components: NDArray[np.float64] | None = None

    def __call__(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """Return features as a head takes them, (n, n_features) -> (n, n_features or n_components) float32."""
        scaled = features.astype(np.float32)
        scaled -= self.mean.astype(np.float32)
        scaled *= self.factor.astype(np.float32)
        if self.components is None:
            return scaled
        projected: NDArray[np.float32] = scaled @ self.components.astype(np.float32)
        return projected

    @property
    def n_outputs(self) -> int:
        """How many numbers a head takes per tile."""
        return len(self.mean) if self.components is None else self.components.shape[1]


def scaling_of(bags: Sequence[Bag], *, components: int | None, seed: int) -> FeatureScaling:
    """Return the scaling that gives the tiles of these bags mean 0 and deviation 1, each bag counting the same.

    At most 2,048 tiles of a bag are looked at. A feature that hardly varies is not blown up: no deviation counts as less than a
    hundredth of their root mean square. Components are those of largest variance, divided by one number, such that their mean
    variance is 1.

    Raises:
        TrainingError: Features are not finite, or there are fewer of them than components asked for.
    """
    n_features = bags[0].features.shape[1]
    mean, square = np.zeros(n_features), np.zeros(n_features)
    for tiles in map(_some_tiles, bags, [seed] * len(bags)):
        mean += tiles.mean(axis=0) / len(bags)
        square += np.square(tiles).mean(axis=0) / len(bags)
    variance = np.maximum(square - np.square(mean), 0)
    deviation = np.maximum(np.sqrt(variance), _SMALLEST_SHARE * np.sqrt(variance.mean()))
    factor = 1.0 / np.where(deviation > 0, deviation, 1.0)
    if components is None:
        return FeatureScaling(mean, factor)
    if components > n_features:
        raise TrainingError(f"{components} components are asked for, of {n_features} features; ask for no more than there are")
    return FeatureScaling(mean, factor, _components(bags, FeatureScaling(mean, factor), components, seed))


def _components(bags: Sequence[Bag], scaling: FeatureScaling, n_components: int, seed: int) -> NDArray[np.float64]:
    covariance = np.zeros((len(scaling.mean),) * 2)
    for bag in bags:
        tiles = scaling(_some_tiles(bag, seed))
        covariance += (tiles.T @ tiles).astype(np.float64) / (len(tiles) * len(bags))
    variances, directions = np.linalg.eigh(covariance)
    variances, directions = variances[::-1][:n_components], directions[:, ::-1][:, :n_components]
    signs = np.sign(directions[np.abs(directions).argmax(axis=0), np.arange(n_components)])
    scale = np.sqrt(max(variances.mean(), np.finfo(np.float32).tiny))
    return np.ascontiguousarray(directions * signs / scale)


def _some_tiles(bag: Bag, seed: int) -> NDArray[np.float64]:
    tiles = bag.features
    if len(tiles) > _TILES_PER_BAG:
        rng = stream(seed, "mil", "scaling", bag.patient_id)
        tiles = tiles[np.sort(rng.choice(len(tiles), _TILES_PER_BAG, replace=False))]
    tiles = np.asarray(tiles, np.float32)
    check_finite(tiles, f"the bag of patient {bag.patient_id}")
    return tiles.astype(np.float64)
