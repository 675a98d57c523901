"""How well an order of tiles mixes slides, places and labels, beside what a uniform permutation would give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln


@dataclass(frozen=True, slots=True)
class Mixing:
    """Of the batches of one pass, or what is expected of them.

    Attributes:
        slides_per_batch: Mean number of different slides in a batch.
        same_block: Share of the pairs of tiles within a batch that lie in the same block of a slide.
        label_variance: Variance of the mean label of batches over that of batches drawn without replacement (hypergeometric).
        autocorrelation: Correlation of the labels of tiles that follow each other.
    """

    slides_per_batch: float
    same_block: float
    label_variance: float
    autocorrelation: float


def mixing(
    batches: Sequence[NDArray[np.int64]],
    *,
    slide_of_tile: NDArray[np.int64],
    block_of_tile: NDArray[np.int64],
    labels: NDArray[np.int64],
) -> Mixing:
    """Measure the batches of one pass.

    Args:
        batches: The tiles of each batch, at least two.
        slide_of_tile: (n_tiles,) slide of each tile.
        block_of_tile: (n_tiles,) block of each tile, of any division of the slides.
        labels: (n_tiles,) 0 or 1.
    """
    tiles = np.concatenate(batches)
    lengths = np.array([len(batch) for batch in batches])
    p, n_tiles = labels[tiles].mean(), len(tiles)
    means = np.array([labels[batch].mean() for batch in batches])
    expected = p * (1 - p) / lengths * (n_tiles - lengths) / (n_tiles - 1)
    centred = labels[tiles] - p
    return Mixing(
        slides_per_batch=float(np.mean([len(np.unique(slide_of_tile[batch])) for batch in batches])),
        same_block=sum(_n_pairs(block_of_tile[batch]) for batch in batches) / float((lengths * (lengths - 1) / 2).sum()),
        label_variance=float(np.mean((means - p) ** 2 / expected)),
        autocorrelation=float(np.mean(centred[1:] * centred[:-1]) / np.mean(centred**2)),
    )


def uniform_mixing(slide_of_tile: NDArray[np.int64], block_of_tile: NDArray[np.int64], batch_size: int) -> Mixing:
    """Return what is expected of batches of a uniform permutation.

    >>> expected = uniform_mixing(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1]), 2)
    >>> round(expected.slides_per_batch, 6), round(expected.same_block, 6)
    (1.666667, 0.333333)
    """
    n_tiles = len(slide_of_tile)
    sizes = np.bincount(slide_of_tile)
    # A slide is missing when all tiles of the batch are among the others: C(N - k, n) / C(N, n).
    others = n_tiles - sizes
    possible = others >= batch_size
    missing = np.exp(_log_choose(others[possible], batch_size) - _log_choose(np.array([n_tiles]), batch_size)).sum()
    return Mixing(
        slides_per_batch=float(len(sizes) - missing),
        same_block=_n_pairs(block_of_tile) / (n_tiles * (n_tiles - 1) / 2),
        label_variance=1.0,
        autocorrelation=-1 / (n_tiles - 1),
    )


def expected_same_block(block_of_tile: NDArray[np.int64], buffer: int) -> float:
    """Return about which share of the pairs of a batch a local shuffle takes from the same block: (k - 1) / 2 B.

    A tile stays in a buffer of B for a time that is exponential with mean B steps, so the times at which two leave that came
    together differ by a given small number of steps with probability 1 / 2 B. k is the size of the block of a tile, on average
    over tiles. Holds for batches much smaller than the buffer, and buffers much smaller than a pass.
    """
    sizes = np.bincount(block_of_tile)
    return float(((sizes**2).sum() / sizes.sum() - 1) / (2 * buffer))


def _n_pairs(groups: NDArray[np.int64]) -> float:
    sizes = np.unique(groups, return_counts=True)[1]
    return float((sizes * (sizes - 1)).sum() / 2)


def _log_choose(n: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    chosen: NDArray[np.float64] = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return chosen
