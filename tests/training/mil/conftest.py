"""Patients with planted tiles: what is measured of a patient is the share of tiles moved along one direction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from cartopath.core.rng import stream
from cartopath.models.mil import MilSpec
from cartopath.training.mil import Bag, Job, MilTraining, Outcome, train_heads

N_FEATURES = 16
QUICK = MilTraining(lr=3e-3, max_epochs=60, tiles_per_bag=64, patience=8)


@dataclass(frozen=True, eq=False)
class Planted:
    """Bags of patients, the share of hot tiles of each, and which tiles those are."""

    bags: list[Bag]
    share: np.ndarray
    hot: list[np.ndarray]


def planted_bags(n_patients: int, *, most: float = 0.2, strength: float = 6.0, name: str = "planted") -> Planted:
    """Return patients of whom up to a share `most` of the tiles is moved by `strength` deviations."""
    direction = stream(0, "direction").normal(size=N_FEATURES)
    direction /= np.linalg.norm(direction)
    bags, shares, hots = [], [], []
    for number in range(n_patients):
        rng = stream(0, name, number)
        n_tiles = int(rng.integers(60, 120))
        hot = rng.random(n_tiles) < rng.uniform(0, most)
        features = rng.normal(size=(n_tiles, N_FEATURES))
        features[hot] += strength * direction
        bags.append(Bag(f"{name}-{number:03}", features.astype(np.float16)))
        shares.append(hot.mean())
        hots.append(hot)
    return Planted(bags, np.array(shares), hots)


@pytest.fixture(scope="session")
def planted() -> Planted:
    """120 patients: 60 to learn from, 20 to validate, 40 to test."""
    return planted_bags(120)


@pytest.fixture(scope="session")
def attention(planted: Planted) -> Outcome:
    """An attention head that learned 50 + 10 times the share of hot tiles."""
    job = Job("planted", 50 + 10 * planted.share, range(60), range(60, 80))
    return train_heads(planted.bags, [job], MilSpec(n_features=N_FEATURES), QUICK)[0]
