"""How well a score tells positives from negatives: AUROC, its confidence interval by patient, the ROC curve, accuracy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cartopath.core.errors import StatisticsError
from cartopath.stats.estimate import Estimate
from cartopath.stats.inputs import Names, binary, names_of, numbers, same_length

_WEIGHTS_AT_ONCE = 2_000_000
_CONFIDENCE = (2.5, 97.5)


@dataclass(frozen=True, eq=False)
class RocCurve:
    """The points of a ROC curve, from (0, 0) to (1, 1), one per distinct score.

    Attributes:
        false_positive_rate: (n,) share of negatives scored at or above the threshold.
        true_positive_rate: (n,) share of positives scored at or above the threshold.
        threshold: (n,) falling; the first is infinite.
    """

    false_positive_rate: NDArray[np.float64]
    true_positive_rate: NDArray[np.float64]
    threshold: NDArray[np.float64]


def auroc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Return the area under the ROC curve: the chance that a positive scores higher than a negative, ties counting half.

    Args:
        labels: (n,) booleans or 0 and 1.
        scores: (n,) any numbers, higher for positive.

    Raises:
        StatisticsError: One class is missing, or a value is.

    >>> auroc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    >>> auroc([0, 1, 0], [3, 3, 3])
    0.5
    """
    labels, scores = _labelled(labels, scores, "auroc")
    reason = _undefined(labels)
    if reason:
        raise StatisticsError(f"auroc: {reason}; it needs both classes")
    return float(weighted_aurocs(labels, scores, np.ones((1, labels.size)))[0])


def auroc_ci(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: Names | None = None,
    *,
    n_resamples: int = 2000,
    rng: np.random.Generator,
) -> Estimate:
    """Return the AUROC with a 95 % percentile bootstrap interval that resamples whole patients [A11].

    Resamples that hold one class only are left out. The interval is None when more than half are, or when there is one patient.
    Where the classes are separated completely the interval is (1, 1), as for every percentile bootstrap: read n beside it.

    Args:
        labels: (n,) booleans or 0 and 1.
        scores: (n,) any numbers, higher for positive.
        groups: (n,) patient of each row; None: each row is a patient.
        n_resamples: How many bootstrap samples.
        rng: Where chance comes from.

    Raises:
        StatisticsError: A value is missing, or the lengths differ.

    >>> estimate = auroc_ci([0, 1] * 10, list(range(20)), rng=np.random.default_rng(0))
    >>> estimate.value, estimate.low < 0.55 < estimate.high, estimate.n
    (0.55, True, 20)
    >>> auroc_ci([1, 1], [0.2, 0.3], rng=np.random.default_rng(0)).reason
    'all 2 labels are positive'
    """
    labels, scores = _labelled(labels, scores, "auroc_ci")
    patients = np.arange(labels.size) if groups is None else names_of(groups, "auroc_ci: groups")
    same_length(labels=labels, groups=patients)
    unique, patient = np.unique(patients, return_inverse=True)
    reason = _undefined(labels)
    if reason:
        return Estimate(None, None, None, labels.size, reason, len(unique))
    value = auroc(labels, scores)
    if len(unique) < 2 or n_resamples < 1:
        why = "all rows belong to one patient" if n_resamples > 0 else "no resamples asked for"
        return Estimate(value, None, None, labels.size, why, len(unique))
    drawn = np.concatenate(
        [
            weighted_aurocs(labels, scores, weights[:, patient])
            for weights in patient_resamples(len(unique), labels.size, n_resamples, rng)
        ]
    )
    defined = drawn[~np.isnan(drawn)]
    if defined.size < n_resamples / 2:
        why = f"{n_resamples - defined.size} of {n_resamples} bootstrap samples hold one class only"
        return Estimate(value, None, None, labels.size, why, len(unique))
    low, high = np.percentile(defined, _CONFIDENCE)
    return Estimate(value, float(low), float(high), labels.size, "", len(unique))


def roc_curve(labels: ArrayLike, scores: ArrayLike) -> RocCurve:
    """Return the ROC curve, with a point for every distinct score.

    Args:
        labels: (n,) booleans or 0 and 1.
        scores: (n,) any numbers, higher for positive.

    Raises:
        StatisticsError: One class is missing, or a value is.

    >>> curve = roc_curve([0, 1], [0.2, 0.7])
    >>> curve.false_positive_rate.tolist(), curve.true_positive_rate.tolist()
    ([0.0, 0.0, 1.0], [0.0, 1.0, 1.0])
    """
    labels, scores = _labelled(labels, scores, "roc_curve")
    reason = _undefined(labels)
    if reason:
        raise StatisticsError(f"roc_curve: {reason}; it needs both classes")
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), labels.size - 1)
    true = np.cumsum(labels[order])[last]
    false = last + 1 - true
    return RocCurve(
        np.concatenate(([0.0], false / false[-1])),
        np.concatenate(([0.0], true / true[-1])),
        np.concatenate(([np.inf], scores[order][last])),
    )


def accuracy(labels: ArrayLike, scores: ArrayLike, threshold: float = 0.5) -> float:
    """Return the share of rows on the right side of the threshold; a score counts as positive strictly above it.

    Args:
        labels: (n,) booleans or 0 and 1.
        scores: (n,) numbers on the scale of the threshold.
        threshold: Where to cut.

    Raises:
        StatisticsError: There are no rows, or a value is missing.

    >>> accuracy([0, 1, 1, 0], [0.2, 0.9, 0.5, 0.5])
    0.75
    """
    labels, scores = _labelled(labels, scores, "accuracy")
    if labels.size == 0:
        raise StatisticsError("accuracy: no rows")
    return float(((scores > threshold) == labels).mean())


def _labelled(labels: ArrayLike, scores: ArrayLike, caller: str) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    checked = binary(labels, f"{caller}: labels"), numbers(scores, f"{caller}: scores")
    same_length(labels=checked[0], scores=checked[1])
    return checked


def _undefined(labels: NDArray[np.bool_]) -> str:
    if labels.size == 0:
        return "there are no rows"
    if labels.all():
        return f"all {labels.size} labels are positive"
    return "" if labels.any() else f"all {labels.size} labels are negative"


def patient_resamples(n_patients: int, n_rows: int, n_resamples: int, rng: np.random.Generator) -> Iterator[NDArray[np.float64]]:
    """Yield how often a bootstrap sample holds each patient, (n, n_patients), `n_resamples` rows in all, in bounded memory."""
    at_once = max(1, _WEIGHTS_AT_ONCE // n_rows)
    for start in range(0, n_resamples, at_once):
        n = min(at_once, n_resamples - start)
        drawn = rng.integers(n_patients, size=(n, n_patients)) + np.arange(n)[:, None] * n_patients
        yield np.bincount(drawn.ravel(), minlength=n * n_patients).reshape(n, n_patients).astype(np.float64)


def weighted_aurocs(labels: NDArray[np.bool_], scores: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the AUROC for each row of weights, (n_samples, n_rows) -> (n_samples,); NaN where a class has no weight."""
    order = np.argsort(scores, kind="stable")
    first = np.concatenate(([0], np.flatnonzero(np.diff(scores[order])) + 1))
    positive = np.add.reduceat(weights[:, order] * labels[order], first, axis=1)  # (n_samples, n_distinct)
    negative = np.add.reduceat(weights[:, order] * ~labels[order], first, axis=1)
    below = np.cumsum(negative, axis=1) - negative / 2
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    wins = (positive * below).sum(axis=1)
    return np.where(pairs > 0, wins / np.where(pairs > 0, pairs, 1.0), np.nan)
