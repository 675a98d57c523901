"""Patients with planted features: a fifth of a positive patient's tiles is moved along one direction."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from cartopath.core.rng import stream
from cartopath.training.heads import Bag, HeadOutcome, HeadTraining, train_receptor_head

N_FEATURES = 512
SIGNAL = 3.0
QUICK = HeadTraining(max_epochs=25, patience=8)


def direction(n_features: int = N_FEATURES) -> np.ndarray:
    """Return what positive tiles are moved along, of length 1."""
    vector = stream(0, "planted direction").normal(size=n_features)
    return vector / np.linalg.norm(vector)


def planted_bags(
    n_patients: int, prefix: str, *, n_features: int = N_FEATURES, n_tiles: int = 60, share: float = 0.2
) -> list[Bag]:
    """Return patients of whom every other one is positive."""

    def bag(number: int) -> Bag:
        rng, label = stream(0, prefix, number), number % 2
        features = rng.normal(size=(n_tiles, n_features))
        if label:
            features[rng.random(n_tiles) < share] += SIGNAL * direction(n_features)
        return Bag(f"{prefix}-{number}", features.astype(np.float16), label)

    return [bag(number) for number in range(n_patients)]


@pytest.fixture
def planted() -> Callable[..., list[Bag]]:
    """`planted_bags`."""
    return planted_bags


@pytest.fixture
def quick() -> HeadTraining:
    """A recipe of a second or two."""
    return QUICK


@pytest.fixture(scope="session")
def outcome() -> HeadOutcome:
    """A head trained on 80 planted patients, watched on 30."""
    return train_receptor_head(planted_bags(80, "train"), planted_bags(30, "validation"), QUICK)
