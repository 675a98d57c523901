"""Super-tiles: the tiles of a bag gathered into groups of similar features by k-means (F65)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cartopath.core.rng import stream

_ROUNDS = 20
_TILES_TO_LEARN_FROM = 4096


@dataclass(frozen=True, eq=False, slots=True)
class Supertiles:
    """A bag in groups.

    Attributes:
        means: (n_groups, n_features) float32, the mean features of the tiles of each group.
        group: (n_tiles,) the group of each tile, from 0 to n_groups - 1; none is empty.
    """

    means: NDArray[np.float32]
    group: NDArray[np.int64]


def supertiles(features: NDArray[Any], n_groups: int) -> Supertiles:
    """Gather tiles into groups; the same features always give the same groups.

    Centres are learned by Lloyd's algorithm from at most 4,096 tiles of the bag, drawn from a stream of their own.

    Args:
        features: (n_tiles, n_features) of any floating-point type.
        n_groups: At most; a bag with no more distinct tiles than this has a group for each.
    """
    tiles = np.asarray(features, np.float32)
    rng = stream(0, "supertiles", *tiles.shape)
    some = tiles if len(tiles) <= _TILES_TO_LEARN_FROM else tiles[rng.choice(len(tiles), _TILES_TO_LEARN_FROM, replace=False)]
    centres = _first_centres(some, n_groups, rng)
    for _ in range(_ROUNDS):
        nearest = _nearest(some, centres)
        moved = _means(some, nearest, len(centres), centres)
        if np.array_equal(moved, centres):
            break
        centres = moved
    _, group = np.unique(_nearest(tiles, centres), return_inverse=True)  # empty groups go
    return Supertiles(_means(tiles, group, int(group.max()) + 1, centres), group)


def _first_centres(tiles: NDArray[np.float32], n_groups: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw centres far from each other: each with a probability in proportion to the squared distance from those before."""
    centres = [tiles[rng.integers(len(tiles))]]
    distance = np.square(tiles - centres[0]).sum(1)
    while len(centres) < n_groups and distance.max() > 0:
        chances = distance.astype(np.float64)
        centres.append(tiles[rng.choice(len(tiles), p=chances / chances.sum())])
        distance = np.minimum(distance, np.square(tiles - centres[-1]).sum(1))
    return np.stack(centres)


def _nearest(tiles: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.int64]:
    closeness = tiles @ centres.T - 0.5 * np.square(centres).sum(1)
    nearest: NDArray[np.int64] = closeness.argmax(1)
    return nearest


def _means(
    tiles: NDArray[np.float32], group: NDArray[np.int64], n_groups: int, empty: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the mean of each group; where a group is empty, what it was."""
    counts = np.bincount(group, minlength=n_groups)
    sums = np.zeros((n_groups, tiles.shape[1]), np.float64)
    order = np.argsort(group, kind="stable")
    filled = np.flatnonzero(counts)
    sums[filled] = np.add.reduceat(tiles[order].astype(np.float64), np.concatenate([[0], np.cumsum(counts[filled])[:-1]]))
    means = sums / np.maximum(counts, 1)[:, None]
    return np.where(counts[:, None] > 0, means, empty[:n_groups]).astype(np.float32)
