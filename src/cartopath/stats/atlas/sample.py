"""Drawing a bounded number of tiles in which every patient has as equal a part as there are tiles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import StatisticsError
from cartopath.stats.inputs import Names, names_of


def balanced_sample(patients: Names, n: int, *, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return which rows to take: at most `n`, drawn at random within patients, equally many of each as far as it has them.

    What patients with few tiles leave is shared out among the others. Where not all can have one more, chance decides who does.

    Args:
        patients: (n_tiles,) patient of each tile.
        n: How many at most.
        rng: Where chance comes from.

    Returns:
        Row numbers, rising.

    Raises:
        StatisticsError: `n` is below 1.

    >>> balanced_sample(["a"] * 9 + ["b"], 4, rng=np.random.default_rng(0)).size
    4
    >>> 9 in balanced_sample(["a"] * 9 + ["b"], 4, rng=np.random.default_rng(0))
    True
    """
    if n < 1:
        raise StatisticsError(f"The 'n' parameter of balanced_sample must be at least 1. Got {n!r} instead.")
    _, owner, counts = np.unique(names_of(patients, "balanced_sample: patients"), return_inverse=True, return_counts=True)
    share = _shares(counts, n, rng)
    order = rng.permutation(len(owner))
    order = order[np.argsort(owner[order], kind="stable")]  # by patient, in random order within each
    place = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    chosen: NDArray[np.int64] = np.sort(order[place < np.repeat(share, counts)])
    return chosen


def _shares(counts: NDArray[np.int64], n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """How many rows of each patient: the same for all who have them, and the rest one by one in random order."""
    share = np.zeros_like(counts)
    left = min(n, int(counts.sum()))
    while left > 0:
        open_ = np.flatnonzero(share < counts)
        each = left // len(open_)
        if each == 0:
            share[rng.choice(open_, size=left, replace=False)] += 1
            break
        given = np.minimum(each, counts[open_] - share[open_])
        share[open_] += given
        left -= int(given.sum())
    return share
