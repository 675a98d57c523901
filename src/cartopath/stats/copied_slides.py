"""Slides that show the same tissue twice, told by the fingerprints of both halves of every slide.

How much the halves of a slide differ says what chance makes of the mean fingerprint of a piece of tissue: two slides that were
alike in everything would still differ, because each has cells of its own. A copy has the very same cells, so it lies nearer than
that, whatever was cropped, shifted or compressed again. No label is looked at, and patients need not be told apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cartopath.core.errors import StatisticsError
from cartopath.stats.inputs import Names, names_of, same_length

_SLIDES_PER_DIRECTION = 4
"""Fewer slides do not tell how much the halves differ along so many directions."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CopiedPair:
    """Two slides of one tissue.

    Attributes:
        first: Name of a slide.
        second: Name of the other.
        distance: 1 is the usual one of two slides that differ by chance alone; 0 of equal ones.
    """

    first: str
    second: str
    distance: float


def copied_slides(
    left: ArrayLike, right: ArrayLike, slides: Names, *, below: float = 0.75, max_directions: int = 20
) -> tuple[CopiedPair, ...]:
    """Find pairs of slides that are nearer to each other than slides with tissue of their own.

    Distances are taken along the directions in which slides differ most, each in units of what chance makes of it, which is
    learned from the halves.

    Args:
        left: (n_slides, n_features) mean fingerprint of the left half of each slide.
        right: Of the right half.
        slides: (n_slides,) their names.
        below: Pairs at a smaller distance are returned; see `CopiedPair`.
        max_directions: At most so many directions; no more than a quarter of the number of slides, and than there are features.

    Returns:
        The pairs, nearest first.

    Raises:
        StatisticsError: The arrays do not fit together, a slide is named twice, there are fewer than eight, or slides do not
            differ.

    >>> rng = np.random.default_rng(0)
    >>> kind = rng.normal(size=(40, 3))
    >>> left, right = (kind + 0.2 * rng.normal(size=(40, 3)) for _ in range(2))
    >>> left[7], right[7] = left[3] + 0.01, right[3] + 0.01
    >>> [(pair.first, pair.second) for pair in copied_slides(left, right, [f"s{i}" for i in range(40)], below=0.3)]
    [('s3', 's7')]
    """
    names, first, second = _checked(left, right, slides)
    whitened = _whitened(first, second, min(max_directions, len(names) // _SLIDES_PER_DIRECTION, first.shape[1]))
    squares = np.square(whitened).sum(axis=1)
    distance = np.sqrt(np.maximum(squares[:, None] + squares - 2 * whitened @ whitened.T, 0) / whitened.shape[1])
    rows, columns = np.nonzero(np.triu(distance < below, k=1))
    pairs = [CopiedPair(str(names[i]), str(names[j]), float(distance[i, j])) for i, j in zip(rows, columns, strict=True)]
    return tuple(sorted(pairs, key=lambda pair: (pair.distance, pair.first, pair.second)))


def _whitened(left: Floats, right: Floats, n_directions: int) -> Floats:
    """Slides along the directions in which they differ, scaled so that chance gives two of them a squared distance of 1 in each.

    Chance gives the difference of two halves the covariance C, the mean of two halves C / 4, and the difference of two such means
    C / 2.
    """
    middle = (left + right) / 2
    centred = middle - middle.mean(axis=0)
    directions = np.linalg.svd(centred, full_matrices=False)[2][:n_directions].T  # (n_features, n_directions)
    chance = (left - right) @ directions
    covariance = chance.T @ chance / (2 * len(chance))
    covariance += 1e-9 * np.trace(covariance) / len(covariance) * np.eye(len(covariance)) + 1e-300 * np.eye(len(covariance))
    try:
        lower = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError as error:
        raise StatisticsError("copied_slides: the halves of slides do not differ; give fingerprints of both halves") from error
    whitened: Floats = np.linalg.solve(lower, (centred @ directions).T).T
    return whitened


def _checked(left: ArrayLike, right: ArrayLike, slides: Names) -> tuple[NDArray[np.str_], Floats, Floats]:
    first, second = np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64)
    if first.ndim != 2 or first.shape != second.shape or not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise StatisticsError(
            f"copied_slides: left and right must be finite and (n_slides, n_features). Got {first.shape} and {second.shape}."
        )
    names = names_of(slides, "copied_slides: slides")
    same_length(left=first, slides=names)
    if len(names) < 2 * _SLIDES_PER_DIRECTION or len(set(names.tolist())) < len(names):
        raise StatisticsError(f"copied_slides: needs at least 8 slides, each under its own name. Got {len(names)} rows.")
    return names, first, second
