"""From tile scores to slide scores, and from rounds to their ensemble (Levy-Jurgenson et al. 2020, METHODS 1.7)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cartopath.core.errors import StatisticsError
from cartopath.stats.inputs import Values, numbers, one_dimensional


def percent_positive(scores: ArrayLike, threshold: float = 0.5) -> float:
    """Return the share of tiles that score above the threshold: the slide score of the paper.

    Args:
        scores: (n_tiles,) scores of the slide's tiles.
        threshold: A tile counts when its score is strictly above it.

    Returns:
        0 to 1.

    Raises:
        StatisticsError: There are no tiles, or a score is missing.

    >>> percent_positive([0.6, 0.4, 0.9, 0.5])
    0.5
    """
    array = numbers(scores, "percent_positive: scores")
    if array.size == 0:
        raise StatisticsError("percent_positive: no tiles; a slide without tiles has no score")
    return float((array > threshold).mean())


def majority_vote(votes: ArrayLike) -> NDArray[np.bool_]:
    """Return whether strictly more than half of the rounds call each tile positive. A tie is negative.

    Args:
        votes: (n_tiles, n_rounds) booleans or 0 and 1. One row must hold one tile: join the rounds by tile, never by position.

    Returns:
        (n_tiles,) booleans.

    Raises:
        StatisticsError: There are no rounds, or a vote is missing or neither 0 nor 1.

    >>> majority_vote([[0, 0, 1], [1, 0, 1]]).tolist()
    [False, True]
    >>> majority_vote([[0, 1]]).tolist()
    [False]
    """
    array = np.asarray(votes)
    if array.ndim != 2 or array.shape[1] == 0:
        raise StatisticsError(f"majority_vote: expected shape (n_tiles, n_rounds), found {array.shape}")
    if array.dtype != np.bool_ and not np.isin(array, (0, 1)).all():
        raise StatisticsError("majority_vote: expected only 0 and 1; binarise scores first (score > 0.5) and join rounds by tile")
    yes: NDArray[np.int64] = array.astype(np.int64).sum(axis=1)
    return np.greater(2 * yes, array.shape[1])


def rank_rounds(validation_aurocs: Mapping[int, float | None] | Values, *, keep: int = 3) -> tuple[int, ...]:
    """Return the best rounds by validation AUROC, best first: the ensemble of the paper takes three of five.

    Equal rounds keep their order. Rounds whose AUROC is undefined (None or NaN) are never kept, so fewer than `keep` can come
    back.

    Args:
        validation_aurocs: Slide-level AUROC of each round on its validation patients, by round or in the order of rounds from 0.
            Never pass test results.
        keep: How many at most.

    Raises:
        StatisticsError: `keep` is below 1, or no round has an AUROC.

    >>> rank_rounds([0.70, 0.85, None, 0.85, 0.60])
    (1, 3, 0)
    >>> rank_rounds({0: 0.6, 2: 0.9}, keep=1)
    (2,)
    """
    if keep < 1:
        raise StatisticsError(f"The 'keep' parameter must be at least 1. Got {keep!r} instead.")
    named = validation_aurocs if isinstance(validation_aurocs, Mapping) else dict(enumerate(np.asarray(validation_aurocs)))
    rounds = sorted(named)
    array = one_dimensional([named[number] for number in rounds], "rank_rounds: validation_aurocs")
    defined = np.flatnonzero(~np.isnan(array))
    if defined.size == 0:
        raise StatisticsError(
            f"rank_rounds: none of {array.size} rounds has a validation AUROC; the validation sets hold one class only"
        )
    order = defined[np.argsort(-array[defined], kind="stable")]
    return tuple(rounds[index] for index in order[:keep])
