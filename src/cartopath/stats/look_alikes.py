"""Slides that look like one patient and should not, or should and do not: duplicates, swapped labels, leaks across splits.

The distances between the fingerprints of a cohort's slides have two sorts: between slides of one patient, and between patients.
Where these sorts are told apart at all, a pair on the wrong side of the border is worth a look. The border is where both sorts
are equally likely, given how many pairs of each there are; medians and quartiles keep it in place when some labels are wrong.
A copy of a slide needs no such border: it lies far nearer than any slide's nearest neighbour usually does.
Pairs are walked through in blocks, so that memory grows with the number of slides and not with its square.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cartopath.core.errors import StatisticsError
from cartopath.stats.inputs import Names, names_of, numbers, same_length
from cartopath.stats.matching import unit_length

_TO_DEVIATION = 1.4826 / 2
"""Half the distance of the quartiles of a normal distribution is 1 / 1.4826 of its standard deviation."""
_FEWEST_PAIRS = 3
_DUPLICATE_RATIO = 0.35
_BLOCK_PAIRS = 1 << 19
_BINS = 1 << 18
"""Of the histogram that quartiles of distances are read from: exact to four millionths of the longest possible distance."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SuspiciousPair:
    """Two slides that contradict their labels.

    Attributes:
        first: Name of a slide.
        second: Name of another.
        kind: `duplicate` (much nearer than slides of one patient are), `one_patient` (labelled as two patients), or
            `two_patients` (labelled as one).
        same_patient: Whether they are labelled as one patient.
        distance: Of their fingerprints.
        strength: How far beyond the border, in units of the distance from the border to the middle of the sort it looks like.
    """

    first: str
    second: str
    kind: str
    same_patient: bool
    distance: float
    strength: float


@dataclass(frozen=True, eq=False)
class LookAlikes:
    """What fingerprints say about the labels of a cohort.

    Attributes:
        pairs: Strongest first.
        misplaced: Slides that are near to another patient's and far from all of their own: swapped, most likely.
        border: Distance below which two slides look like one patient; None where fingerprints do not tell.
        duplicate_below: Distance below which two slides look like one: far less than between slides of one patient or, where
            fingerprints do not tell patients apart, than from a slide to its nearest neighbour.
        n_same: Pairs labelled as one patient, from which the border was learned.
        n_other: Pairs labelled as two.
        reason: Why there is no border, "" where there is one.
    """

    pairs: tuple[SuspiciousPair, ...]
    misplaced: tuple[str, ...]
    border: float | None
    duplicate_below: float
    n_same: int
    n_other: int
    reason: str = ""


def same_patient_pairs(patients: Names) -> NDArray[np.int64]:
    """Return all pairs of rows of one patient, (n_pairs, 2), the smaller row first.

    >>> same_patient_pairs(["a", "b", "a", "a"]).tolist()
    [[0, 2], [0, 3], [2, 3]]
    """
    names = names_of(patients, "same_patient_pairs: patients")
    _, patient = np.unique(names, return_inverse=True)
    order = np.argsort(patient, kind="stable")
    pairs = [
        (min(int(a), int(b)), max(int(a), int(b)))
        for group in np.split(order, np.flatnonzero(np.diff(patient[order])) + 1)
        for i, a in enumerate(group)
        for b in group[i + 1 :]
    ]
    return np.array(sorted(pairs), np.int64).reshape(-1, 2)


def suspicious_pairs(
    features: ArrayLike,
    slides: Names,
    patients: Names,
    *,
    normalise: bool = True,
    same_patient_distances: ArrayLike | None = None,
) -> LookAlikes:
    """Find slides whose fingerprints contradict their labels.

    Args:
        features: (n_slides, n_features) mean fingerprint of each slide.
        slides: (n_slides,) their names.
        patients: (n_slides,) the patient each is labelled with.
        normalise: Scale fingerprints to length 1 first, as the matching game does.
        same_patient_distances: Distances that are known to be of one patient, such as those between the halves of each slide;
            without them, those between slides labelled as one patient.

    Raises:
        StatisticsError: The arrays do not fit together, a slide is named twice, or there are fewer than three slides.

    >>> features = [[1, 0], [1, 0.001], [0, 1], [-1, 0.5], [0.5, -1]]
    >>> found = suspicious_pairs(features, list("abcde"), list("PQRST"))
    >>> [(pair.first, pair.second, pair.kind) for pair in found.pairs]
    [('a', 'b', 'duplicate')]
    """
    vectors, names, owners = _checked(features, slides, patients, normalise)
    same_pairs = same_patient_pairs(owners)
    same = _lengths(vectors, same_pairs)
    known = same if same_patient_distances is None else numbers(np.ravel(same_patient_distances), "same_patient_distances")
    n_same, n_other = len(same), len(names) * (len(names) - 1) // 2 - len(same)
    other = _quartiles_of_others(vectors, owners) if n_other else np.zeros(3)
    border, reason = _border(known, other, n_other)
    own = _nearest(len(names), same_pairs, same)
    if border is None:
        usual = float(np.median(np.minimum(own, _nearest_of_others(vectors, owners))))
        duplicate = strongest = _DUPLICATE_RATIO * usual
        scale = {"duplicate": usual}
    else:
        strongest, duplicate = border, _DUPLICATE_RATIO * float(np.percentile(known, 25))
        usual = abs(border - float(np.median(known)))
        scale = {"duplicate": usual, "one_patient": usual, "two_patients": abs(border - float(other[1]))}
    near_pairs = _near_pairs_of_others(vectors, owners, strongest)
    near = _lengths(vectors, near_pairs)
    pairs = [
        SuspiciousPair(str(names[i]), str(names[j]), kind, is_same, d, abs(d - strongest) / scale[kind])
        for is_same, members, lengths in ((True, same_pairs, same), (False, near_pairs, near))
        for (i, j), d in zip(members.tolist(), lengths.tolist(), strict=True)
        if (kind := _kind(d, is_same, border, duplicate))
    ]
    pairs.sort(key=lambda pair: (-pair.strength, pair.first, pair.second))
    misplaced = np.zeros(len(names), bool)
    if border is not None:
        misplaced = np.isfinite(own) & (own > border) & (_nearest(len(names), near_pairs, near) < border)
    return LookAlikes(tuple(pairs), tuple(sorted(names[misplaced].tolist())), border, duplicate, n_same, n_other, reason)


def _kind(distance: float, same: bool, border: float | None, duplicate: float) -> str:
    if distance < duplicate:
        return "duplicate"
    if border is None:
        return ""
    if not same and distance < border:
        return "one_patient"
    return "two_patients" if same and distance > border else ""


def _border(same: Floats, other: Floats, n_other: int) -> tuple[float | None, str]:
    """The distance between one patient and two, or why there is none.

    Args:
        same: Distances between slides of one patient.
        other: (3,) quartiles of the distances between patients.
        n_other: How many of these there are.
    """
    if len(same) < _FEWEST_PAIRS or n_other < _FEWEST_PAIRS:
        return None, f"{len(same)} pairs of one patient and {n_other} of two; at least {_FEWEST_PAIRS} of each are needed"
    quartiles = np.percentile(same, [25, 50, 75])
    near, far = float(quartiles[1]), float(other[1])
    if not near < far:
        return None, "slides of one patient are no nearer to each other than slides of two: these fingerprints do not tell"
    spread = [max(float(part[2] - part[0]) * _TO_DEVIATION, 1e-12 * far) for part in (quartiles, other)]
    grid = np.linspace(near, far, 2001)
    evidence = _log_density(grid, near, spread[0]) - _log_density(grid, far, spread[1])
    prior = math.log(n_other / len(same))
    likely_same = np.flatnonzero(evidence > prior)
    if not len(likely_same):
        return None, "too few pairs of one patient are near enough to be told from the many pairs of two patients"
    return float(grid[likely_same[-1]]), ""


def _log_density(values: Floats, middle: float, spread: float) -> Floats:
    """Logarithm of a normal density, but for the constant."""
    return np.asarray(-0.5 * ((values - middle) / spread) ** 2 - math.log(spread))


def _blocks(vectors: Floats, owners: NDArray[np.str_]) -> Generator[tuple[int, Floats, NDArray[np.bool_]], None, None]:
    """Yield blocks of rows of the matrix of distances.

    Distances are by a product of matrices, right to about 1e-7 of the longest vector: to be measured anew where that matters.

    Yields:
        The first row of the block, its distances (n_rows, n_slides), and which of them are of two patients, each pair once.
    """
    centred = vectors - vectors.mean(axis=0)
    squares = np.square(centred).sum(axis=1)
    numbers_of_owners = np.unique(owners, return_inverse=True)[1]
    rows = max(1, _BLOCK_PAIRS // len(vectors))
    for start in range(0, len(vectors), rows):
        part = slice(start, start + rows)
        squared = squares[part, None] + squares - 2 * centred[part] @ centred.T
        after = np.arange(len(vectors)) > np.arange(start, start + len(squared))[:, None]
        yield start, np.sqrt(np.maximum(squared, 0)), after & (numbers_of_owners[part, None] != numbers_of_owners)


def _quartiles_of_others(vectors: Floats, owners: NDArray[np.str_]) -> Floats:
    """The quartiles of the distances between slides of two patients, (3,)."""
    longest = 2 * float(np.linalg.norm(vectors - vectors.mean(axis=0), axis=1).max()) or 1.0
    counts = np.zeros(_BINS, np.int64)
    for _, distances, is_other in _blocks(vectors, owners):
        counts += np.bincount(np.minimum(distances[is_other] * (_BINS / longest), _BINS - 1).astype(np.int64), minlength=_BINS)
    below = np.cumsum(counts)
    quartiles: Floats = (np.searchsorted(below, np.array([0.25, 0.5, 0.75]) * below[-1]) + 0.5) * (longest / _BINS)
    return quartiles


def _near_pairs_of_others(vectors: Floats, owners: NDArray[np.str_], border: float) -> NDArray[np.int64]:
    """Pairs of rows of two patients that may be nearer than the border, (n_pairs, 2)."""
    slack = 1e-6 * float(np.linalg.norm(vectors - vectors.mean(axis=0), axis=1).max())
    found = [
        np.argwhere(is_other & (d < border + slack)) + np.array([start, 0]) for start, d, is_other in _blocks(vectors, owners)
    ]
    return np.concatenate(found)


def _lengths(vectors: Floats, pairs: NDArray[np.int64]) -> Floats:
    """The distance of each pair of rows, (n_pairs,); exactly 0 for equal vectors."""
    rows = max(1, _BLOCK_PAIRS // vectors.shape[1])
    parts = [
        np.linalg.norm(vectors[pairs[at : at + rows, 0]] - vectors[pairs[at : at + rows, 1]], axis=1)
        for at in range(0, len(pairs), rows)
    ]
    return np.concatenate([np.zeros(0), *parts])


def _nearest(n: int, pairs: NDArray[np.int64], lengths: Floats) -> Floats:
    """The shortest distance of each row in any of the pairs, (n,); infinite for rows in none."""
    nearest = np.full(n, np.inf)
    for side in (0, 1):
        np.minimum.at(nearest, pairs[:, side], lengths)
    return nearest


def _nearest_of_others(vectors: Floats, owners: NDArray[np.str_]) -> Floats:
    """The distance of each slide from the nearest one of another patient, (n,)."""
    nearest = np.full(len(vectors), np.inf)
    for start, distances, is_other in _blocks(vectors, owners):
        lengths = np.where(is_other, distances, np.inf)
        part = slice(start, start + len(lengths))
        nearest[part] = np.minimum(nearest[part], lengths.min(axis=1))
        np.minimum(nearest, lengths.min(axis=0), out=nearest)
    return nearest


def _checked(
    features: ArrayLike,
    slides: Names,
    patients: Names,
    normalise: bool,
) -> tuple[Floats, NDArray[np.str_], NDArray[np.str_]]:
    vectors = np.asarray(features, dtype=np.float64)
    if vectors.ndim != 2 or not np.isfinite(vectors).all():
        raise StatisticsError(f"suspicious_pairs: features must be finite and (n_slides, n_features). Got shape {vectors.shape}.")
    names, owners = names_of(slides, "suspicious_pairs: slides"), names_of(patients, "suspicious_pairs: patients")
    same_length(features=vectors, slides=names, patients=owners)
    if len(names) < 3 or len(set(names.tolist())) < len(names):
        raise StatisticsError(f"suspicious_pairs: needs at least 3 slides, each under its own name. Got {len(names)} rows.")
    return (unit_length(vectors) if normalise else vectors), names, owners
