"""Planted stains: pixels that are known mixtures of two known stains, so that what a fit must find is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from cartopath.core.rng import stream

HAEMATOXYLIN = np.array([0.60, 0.70, 0.39]) / np.linalg.norm([0.60, 0.70, 0.39])
EOSIN = np.array([0.15, 0.85, 0.50]) / np.linalg.norm([0.15, 0.85, 0.50])
OTHER_HAEMATOXYLIN = np.array([0.70, 0.62, 0.35]) / np.linalg.norm([0.70, 0.62, 0.35])
OTHER_EOSIN = np.array([0.25, 0.90, 0.36]) / np.linalg.norm([0.25, 0.90, 0.36])


def planted_tile(name: str, haematoxylin: np.ndarray, eosin: np.ndarray, strength: tuple[float, float], size: int = 96):
    """Return a tile with pure haematoxylin, pure eosin and mixtures, with edges, without glass."""
    rng = stream(0, "planted stain", name)
    share = np.kron(rng.choice([0.0, 0.3, 0.7, 1.0], (size // 8, size // 8)), np.ones((8, 8)))
    amount = 0.35 + 0.65 * np.kron(rng.random((size // 4, size // 4)), np.ones((4, 4)))
    density = (share * amount * strength[0])[..., None] * haematoxylin + ((1 - share) * amount * strength[1])[..., None] * eosin
    return np.clip(np.rint(241 * np.exp(-density) - 1), 0, 255).astype(np.uint8)


@pytest.fixture
def tile() -> np.ndarray:
    """A tile of the first planted style."""
    return planted_tile("first", HAEMATOXYLIN, EOSIN, (1.6, 1.1))


@pytest.fixture
def other() -> np.ndarray:
    """Another piece of tissue in the other planted style."""
    return planted_tile("second", OTHER_HAEMATOXYLIN, OTHER_EOSIN, (2.2, 0.8))


@pytest.fixture
def with_glass() -> Callable[[np.ndarray], np.ndarray]:
    """Put clear glass of (245, 244, 246) into the left quarter of a tile."""

    def with_glass_(tile: np.ndarray) -> np.ndarray:
        changed = tile.copy()
        changed[:, : tile.shape[1] // 4] = (245, 244, 246)
        return changed

    return with_glass_
