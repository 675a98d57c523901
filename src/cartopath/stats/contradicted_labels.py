"""Patients whose slides contradict each other: swapped labels, most likely, or a slide that belongs to somebody else.

How alike the slides of one patient are is learned from the other patients of the cohort, direction by direction: along some the
slides of a patient agree, along others (stain, chance) they do not. The likelihood ratio of two slides weighs all of them: one
patient, against two. A slide is doubted where even the most alike of the patient's other slides looks rather like a stranger's,
given how often labels are wrong: of two slides that contradict each other, both are. The patient who is judged takes no part in
what is learned, and wrong labels of others hardly count: what is learned once is learned again without the least alike slides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cartopath.core.errors import StatisticsError
from cartopath.stats.inputs import Names, names_of, same_length
from cartopath.stats.whitening import whitening

_FOLDS = 6
_FEWEST_PATIENTS = 12
"""With two slides or more: fewer do not tell what the slides of one patient have in common."""
_SLIDES_PER_DIRECTION = 4
_SHRINKAGE = 0.5
_ROUNDS = 200
_EXPECTED = 10
"""Slides that the expected share of wrong labels counts for, beside those of the cohort."""
_STRANGER = 90.0
"""Percentile of the evidence of strangers below which a patient's own slides teach nothing in the second round."""
_TO_DEVIATION = 1.4826
"""A quartile of a normal distribution lies 1 / 1.4826 of its standard deviation from the middle."""
_MOST_ALIKE = 0.999

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ContradictedLabels:
    """What the slides of each patient say about their labels.

    Attributes:
        slides: Those that contradict all others of their patient, the most doubtful first.
        patients: Whose slides these are, in this order.
        evidence: By slide of a patient with two or more: logarithm of how much likelier this slide and the most alike of the
            patient's others are as slides of one patient than of two.
        border: Evidence below which a slide is doubted; None where none stands out.
        reason: Why there is no border, "" where there is one.
    """

    slides: tuple[str, ...]
    patients: tuple[str, ...]
    evidence: dict[str, float]
    border: float | None
    reason: str = ""


def contradicted_labels(
    features: ArrayLike, slides: Names, patients: Names, *, expected_share: float = 0.05, max_directions: int = 15
) -> ContradictedLabels:
    """Find patients whose slides look like those of two patients.

    Args:
        features: (n_slides, n_features) mean fingerprint of each slide.
        slides: (n_slides,) their names.
        patients: (n_slides,) the patient each is labelled with.
        expected_share: Of slides with a wrong label, before anything is looked at; how many they are is then learned.
        max_directions: At most so many directions in which slides differ most; no more than a quarter of the number of slides.

    Raises:
        StatisticsError: The arrays do not fit together, a slide is named twice, or fewer than 12 patients have two slides.

    >>> rng = np.random.default_rng(0)
    >>> slides = np.repeat(rng.normal(size=(40, 6)), 2, axis=0) + 0.1 * rng.normal(size=(80, 6))
    >>> slides[[11, 25]] = slides[[25, 11]]
    >>> patients = [f"P{i // 2}" for i in range(80)]
    >>> sorted(contradicted_labels(slides, [f"s{i}" for i in range(80)], patients).patients)
    ['P12', 'P5']
    """
    vectors, names, owners = _checked(features, slides, patients, expected_share)
    _, patient, counts = np.unique(owners, return_inverse=True, return_counts=True)
    whitened = whitening(vectors, max_directions=min(max_directions, len(vectors) // _SLIDES_PER_DIRECTION))(vectors)
    is_stranger = patient[:, None] != patient
    is_own = ~is_stranger & ~np.eye(len(patient), dtype=bool)
    judged = counts[patient] >= 2
    teaches = judged
    for _ in range(2):
        ratios = _log_ratios(whitened, patient, teaches)
        own = np.where(is_own, ratios, -np.inf).max(axis=1)
        strangers = ratios[is_stranger]
        teaches = judged & (own > min(float(np.percentile(strangers, _STRANGER)), float(np.median(own[judged]))))
    border, reason = _border(own[judged], strangers, expected_share)
    doubted = np.flatnonzero(judged & (own < (-np.inf if border is None else border)))
    order = doubted[np.lexsort((names[doubted], own[doubted]))]
    evidence = dict(zip(names[judged].tolist(), own[judged].tolist(), strict=True))
    return ContradictedLabels(
        tuple(names[order].tolist()), tuple(dict.fromkeys(owners[order].tolist())), evidence, border, reason
    )


def _log_ratios(whitened: Floats, patient: NDArray[np.intp], teaches: NDArray[np.bool_]) -> Floats:
    """Logarithm of the likelihood ratio, one patient over two, of all pairs of slides (n_slides, n_slides).

    Each is the mean over the folds of both patients: in a patient's own fold, it does not teach.
    """
    fold = patient % _FOLDS
    ratios = np.zeros((len(whitened), len(whitened)))
    for number in range(_FOLDS):
        is_teacher = teaches & (fold != number)
        found = _log_ratios_taught(whitened, whitened[is_teacher], patient[is_teacher])
        rows = fold == number
        ratios[rows] += found[rows] / 2
        ratios[:, rows] += found[:, rows] / 2
    return ratios


def _log_ratios_taught(whitened: Floats, teachers: Floats, patient: NDArray[np.intp]) -> Floats:
    """The ratios where slides of one patient are alike as the teachers' are.

    Slides have the covariance 1. Along the axes of the covariance within patients, with the variances w, two slides of one
    patient have the correlation r = 1 - w, and each axis adds, for values x and y,
    -log(1 - r^2) / 2 - (x^2 - 2 r x y + y^2) / (2 (1 - r^2)) + (x^2 + y^2) / 2.
    """
    _, place, counts = np.unique(patient, return_inverse=True, return_counts=True)
    means = np.stack([np.bincount(place, weights=column) / counts for column in teachers.T], axis=1)
    apart = teachers - means[place]
    variances, axes = np.linalg.eigh(apart.T @ apart / (len(teachers) - len(counts)))
    alike = np.clip(1 - ((1 - _SHRINKAGE) * variances + _SHRINKAGE * variances.mean()), 0, _MOST_ALIKE)
    values, left = whitened @ axes, 1 - alike**2
    squares = np.square(values) @ (0.5 - 0.5 / left)
    ratios: Floats = -0.5 * np.log(left).sum() + squares[:, None] + squares + (values * (alike / left)) @ values.T
    return ratios


def _border(own: Floats, strangers: Floats, share: float) -> tuple[float | None, str]:
    """The evidence at which a wrong label is as likely as a right one.

    The evidence of right labels is taken for normal; that of wrong ones, for what strangers have, normal with the spread of the
    side that faces the right ones. How many labels are wrong, and the middle and spread of the right ones, follow from each
    other.
    """
    far, near = np.percentile(strangers, [50, 75])
    middle = float(np.median(own))
    if not near < middle:
        return None, "slides of one patient are no more alike than slides of two: these fingerprints do not tell"
    reach = max(_TO_DEVIATION * float(near - far), 1e-12)
    spread = max(_TO_DEVIATION * float(np.median(np.abs(own - middle))), 1e-12)
    wrong_share = share
    for _ in range(_ROUNDS):
        log_odds = _log_odds(own, (far, reach), (middle, spread), wrong_share)
        right = np.where(own > middle, 1.0, np.where(own < far, 0.0, 1 / (1 + np.exp(np.clip(log_odds, -500, 500)))))
        middle = float((right * own).sum() / right.sum())
        spread = max(float(np.sqrt((right * np.square(own - middle)).sum() / right.sum())), 1e-12)
        wrong_share = (float((1 - right).sum()) + _EXPECTED * share) / (len(own) + _EXPECTED)
    grid = np.linspace(far, middle, 4001)
    likely_wrong = np.flatnonzero(_log_odds(grid, (far, reach), (middle, spread), wrong_share) > 0)
    if not len(likely_wrong):
        return None, "no label stands out: all are right, or slides of one patient are too little alike to tell"
    return float(grid[likely_wrong[-1]]), ""


def _log_odds(values: Floats, wrong: tuple[float, float], right: tuple[float, float], share: float) -> Floats:
    """Logarithm of the odds of a wrong label, from the middle and spread of both sorts and the share of the wrong ones."""
    densities = [-0.5 * ((values - middle) / spread) ** 2 - math.log(spread) for middle, spread in (wrong, right)]
    odds: Floats = math.log(share / (1 - share)) + densities[0] - densities[1]
    return odds


def _checked(
    features: ArrayLike, slides: Names, patients: Names, share: float
) -> tuple[Floats, NDArray[np.str_], NDArray[np.str_]]:
    vectors = np.asarray(features, dtype=np.float64)
    if vectors.ndim != 2 or not np.isfinite(vectors).all():
        raise StatisticsError(f"contradicted_labels: features must be finite and (n_slides, n_features). Got {vectors.shape}.")
    names, owners = names_of(slides, "contradicted_labels: slides"), names_of(patients, "contradicted_labels: patients")
    same_length(features=vectors, slides=names, patients=owners)
    if len(set(names.tolist())) < len(names):
        raise StatisticsError("contradicted_labels: a slide is named twice; give each slide one mean fingerprint")
    if not 0 < share < 0.5:
        raise StatisticsError(f"contradicted_labels: 'expected_share' must be above 0 and below 0.5. Got {share}.")
    several = int((np.unique(owners, return_counts=True)[1] >= 2).sum())
    if several < _FEWEST_PATIENTS:
        raise StatisticsError(
            f"contradicted_labels: {several} patients have two slides or more; at least {_FEWEST_PATIENTS} are needed to learn "
            f"how alike the slides of one patient are"
        )
    return vectors, names, owners
