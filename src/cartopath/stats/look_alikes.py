"""Slides that look like one patient and should not, or should and do not: duplicates, swapped labels, leaks across splits.

The distances between the fingerprints of a cohort's slides have two sorts: between slides of one patient, and between patients.
Where these sorts are told apart at all, a pair on the wrong side of the border is worth a look. The border is where both sorts
are equally likely, given how many pairs of each there are; medians and quartiles keep it in place when some labels are wrong.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cartopath.core.errors import StatisticsError
from cartopath.stats.inputs import Names, names_of, numbers, same_length
from cartopath.stats.matching import euclidean, unit_length

_TO_DEVIATION = 1.4826 / 2
"""Half the distance of the quartiles of a normal distribution is 1 / 1.4826 of its standard deviation."""
_FEWEST_PAIRS = 3
_DUPLICATE_RATIO = 0.35

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
        duplicate_below: Distance below which two slides look like one slide; None likewise.
        n_same: Pairs labelled as one patient, from which the border was learned.
        n_other: Pairs labelled as two.
        reason: Why there is no border, "" where there is one.
    """

    pairs: tuple[SuspiciousPair, ...]
    misplaced: tuple[str, ...]
    border: float | None
    duplicate_below: float | None
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
    """
    vectors, names, owners = _checked(features, slides, patients, normalise)
    distances = euclidean(vectors, vectors)
    row, column = np.triu_indices(len(names), 1)
    is_same, value = owners[row] == owners[column], distances[row, column]
    known = (
        value[is_same] if same_patient_distances is None else numbers(np.ravel(same_patient_distances), "same_patient_distances")
    )
    border, duplicate, reason = _borders(known, value[~is_same])
    n_same, n_other = int(is_same.sum()), int((~is_same).sum())
    if border is None or duplicate is None:
        return LookAlikes((), (), None, None, n_same, n_other, reason)
    middles = float(np.median(known)), float(np.median(value[~is_same]))
    pairs = [
        SuspiciousPair(
            str(names[i]),
            str(names[j]),
            kind,
            bool(same),
            float(d),
            abs(float(d) - border) / abs(border - middles[kind == "two_patients"]),
        )
        for i, j, same, d in zip(row.tolist(), column.tolist(), is_same.tolist(), value.tolist(), strict=True)
        if (kind := _kind(d, same, border, duplicate))
    ]
    pairs.sort(key=lambda pair: (-pair.strength, pair.first, pair.second))
    return LookAlikes(tuple(pairs), _misplaced(distances, names, owners, border), border, duplicate, n_same, n_other)


def _kind(distance: float, same: bool, border: float, duplicate: float) -> str:
    if distance < duplicate:
        return "duplicate"
    if not same and distance < border:
        return "one_patient"
    return "two_patients" if same and distance > border else ""


def _borders(same: Floats, other: Floats) -> tuple[float | None, float | None, str]:
    """The distance between one patient and two, that between one slide and two, or why there are none."""
    if len(same) < _FEWEST_PAIRS or len(other) < _FEWEST_PAIRS:
        return (
            None,
            None,
            f"{len(same)} pairs of one patient and {len(other)} of two; at least {_FEWEST_PAIRS} of each are needed",
        )
    near, far = float(np.median(same)), float(np.median(other))
    if not near < far:
        return None, None, "slides of one patient are no nearer to each other than slides of two: these fingerprints do not tell"
    spread = [max(float(np.subtract(*np.percentile(part, [75, 25]))) * _TO_DEVIATION, 1e-12 * far) for part in (same, other)]
    grid = np.linspace(near, far, 2001)
    evidence = _log_density(grid, near, spread[0]) - _log_density(grid, far, spread[1])
    prior = math.log(len(other) / len(same))
    likely_same = np.flatnonzero(evidence > prior)
    if not len(likely_same):
        return None, None, "too few pairs of one patient are near enough to be told from the many pairs of two patients"
    return float(grid[likely_same[-1]]), _DUPLICATE_RATIO * float(np.percentile(same, 25)), ""


def _log_density(values: Floats, middle: float, spread: float) -> Floats:
    """Logarithm of a normal density, but for the constant."""
    return np.asarray(-0.5 * ((values - middle) / spread) ** 2 - math.log(spread))


def _misplaced(distances: Floats, names: NDArray[np.str_], owners: NDArray[np.str_], border: float) -> tuple[str, ...]:
    """Slides within the border of another patient's slide and beyond it from every slide of their own patient."""
    same = owners[:, None] == owners[None, :]
    apart = ~np.eye(len(names), dtype=bool)
    own = np.where(same & apart, distances, np.inf).min(axis=1)
    foreign = np.where(~same, distances, np.inf).min(axis=1)
    found = np.isfinite(own) & (own > border) & (foreign < border)
    return tuple(sorted(names[found].tolist()))


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
