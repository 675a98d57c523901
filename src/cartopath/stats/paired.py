"""Methods that judged the same patients, compared: differences of AUROC and of correlation by a paired bootstrap of patients.

A resample draws patients, with all their rows and the scores of all methods, so that what makes a patient easy or hard for every
method cancels out of the difference. Intervals are 95 % percentile intervals; the p-value is twice the share of resamples on the
smaller side of no difference, each side counting one more than was seen, so that it is never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cartopath.core.errors import StatisticsError
from cartopath.stats.discrimination import patient_resamples, weighted_aurocs
from cartopath.stats.estimate import Estimate
from cartopath.stats.inputs import Names, Values, binary, choice, names_of, numbers, same_length

_CONFIDENCE = (2.5, 97.5)
MIN_PATIENTS = 5
"""Of each class, or twice as many in all: resamples of fewer repeat the same few and make any difference look certain."""


@dataclass(frozen=True, eq=False)
class Judged:
    """What several methods said of the same patients: a test set, or one round or fold of it.

    Attributes:
        labels: (n,) booleans or 0 and 1.
        scores: (n_methods, n) any numbers, higher for positive.
        patients: (n,) patient of each row.
    """

    labels: ArrayLike
    scores: ArrayLike
    patients: Names


@dataclass(frozen=True, slots=True)
class Compared:
    """One method beside the first.

    Attributes:
        estimate: Its own figure.
        difference: Its figure minus that of the first; 0 for the first itself.
        p_value: Two-sided, against no difference. None where it is undefined, and for the first method.
        n_parts: How many rounds or folds the figure is a mean over; those of one class have none.
    """

    estimate: Estimate
    difference: Estimate
    p_value: float | None
    n_parts: int = 1


def compare_aurocs(parts: Sequence[Judged], *, n_resamples: int = 2000, rng: np.random.Generator) -> list[Compared]:
    """Return the AUROC of each method and its difference to that of the first; over several parts, the mean of theirs.

    A patient who is in several parts (the same test set in every round) is drawn in all of them at once. A part that holds one
    class only, in the data or in a resample, is left out of that mean. Intervals are None when more than half of the resamples
    hold one class only; those of differences, and p-values, also where a class has fewer than `MIN_PATIENTS` patients.

    Args:
        parts: One for a test set; one per round or fold for the mean over them.
        n_resamples: How many bootstrap samples.
        rng: Where chance comes from.

    Raises:
        StatisticsError: There is no part, the parts differ in their number of methods, a value is missing, or lengths differ.

    >>> labels, good, poor = [0, 1] * 20, [0, 2] * 10 + [1, 3] * 10, [1, 0] * 10 + [0, 1] * 10
    >>> judged = Judged(labels, [poor, good], range(40))
    >>> first, second = compare_aurocs([judged], rng=np.random.default_rng(0))
    >>> first.estimate.value, second.estimate.value, second.difference.value, second.p_value < 0.01
    (0.5, 1.0, 0.5, True)
    """
    checked = [_checked(part) for part in parts]
    n_methods = {scores.shape[0] for _, scores, _ in checked}
    if len(n_methods) != 1:
        raise StatisticsError(f"compare_aurocs: expected parts with the same methods, found {len(parts)} parts of {n_methods}")
    unique, index = np.unique(np.concatenate([patients for _, _, patients in checked]), return_inverse=True)
    of_part = np.split(index, np.cumsum([len(labels) for labels, _, _ in checked])[:-1])
    n_rows = len(index)
    defined = [labels.any() and not labels.all() for labels, _, _ in checked]
    if not any(defined):
        which = "every part holds" if len(parts) > 1 else "the labels are of"
        return _undefined(n_methods.pop(), n_rows, f"{which} one class only" if n_rows else "there are no rows")
    used = [(*part, own) for part, own, has_both in zip(checked, of_part, defined, strict=True) if has_both]

    def figures(weights: NDArray[np.float64]) -> NDArray[np.float64]:  # (n_samples, n_patients) -> (n_methods, n_samples)
        values = [[weighted_aurocs(labels, row, weights[:, own]) for row in scores] for labels, scores, _, own in used]
        return _mean_of_known(np.array(values))

    fewest = min(len(np.unique(np.concatenate([own[labels == side] for labels, _, _, own in used]))) for side in (True, False))
    few = f"a class has {fewest} of the patients; a difference needs {MIN_PATIENTS} of each" if fewest < MIN_PATIENTS else ""
    return _compared(figures, len(unique), n_rows, n_resamples, rng, n_parts=len(used), lacking="hold one class only", few=few)


def compare_correlations(
    target: Values,
    scores: ArrayLike,
    patients: Names,
    *,
    kind: Literal["spearman", "pearson"] = "spearman",
    n_resamples: int = 2000,
    rng: np.random.Generator,
) -> list[Compared]:
    """Return the correlation of each method's scores with a measurement, and its difference to that of the first method.

    Args:
        target: (n,) what was measured; leave rows without a value out first.
        scores: (n_methods, n) numbers.
        patients: (n,) patient of each row.
        kind: Spearman's (of ranks, ties averaged) or Pearson's.
        n_resamples: How many bootstrap samples.
        rng: Where chance comes from.

    Raises:
        StatisticsError: A value is missing, or the lengths differ.

    >>> found = compare_correlations(range(30), [[i % 3 for i in range(30)], range(30)], range(30), rng=np.random.default_rng(0))
    >>> round(found[0].estimate.value, 2), round(found[1].estimate.value, 2), found[1].p_value < 0.01
    (0.09, 1.0, True)
    """
    choice(kind, ("spearman", "pearson"), "kind")
    measured = numbers(target, "compare_correlations: target")
    rows = _rows(scores, "compare_correlations")
    names = names_of(patients, "compare_correlations: patients")
    same_length(target=measured, scores=rows[0], patients=names)
    constant = [array for array in (measured, *rows) if not array.size or np.ptp(array) <= 1e-13 * np.abs(array).max()]
    if len(measured) < 3 or constant:
        why = (
            f"{len(measured)} rows; a correlation needs at least 3" if len(measured) < 3 else "a measurement or score is constant"
        )
        return _undefined(len(rows), len(measured), why)
    unique, index = np.unique(names, return_inverse=True)

    def figures(weights: NDArray[np.float64]) -> NDArray[np.float64]:  # (n_samples, n_patients) -> (n_methods, n_samples)
        own = weights[:, index]
        arrays = [_weighted_ranks(array, own) if kind == "spearman" else _standard(array) for array in (measured, *rows)]
        return np.array([_weighted_pearson(arrays[0], array, own) for array in arrays[1:]])

    needed = 2 * MIN_PATIENTS
    few = f"{len(unique)} patients; a difference needs {needed}" if len(unique) < needed else ""
    return _compared(figures, len(unique), len(measured), n_resamples, rng, n_parts=1, lacking="are constant", few=few)


def _checked(part: Judged) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.str_]]:
    labels, scores = binary(part.labels, "compare_aurocs: labels"), _rows(part.scores, "compare_aurocs")
    patients = names_of(part.patients, "compare_aurocs: patients")
    same_length(labels=labels, scores=scores[0], patients=patients)
    return labels, scores, patients


def _rows(scores: ArrayLike, caller: str) -> NDArray[np.float64]:
    rows = [numbers(row, f"{caller}: scores") for row in np.asarray(scores)]
    if not rows:
        raise StatisticsError(f"{caller}: no method; scores are (n_methods, n)")
    return np.array(rows)


def _undefined(n_methods: int, n: int, reason: str) -> list[Compared]:
    nothing = Estimate(None, None, None, n, reason)
    return [Compared(nothing, nothing, None, n_parts=0)] * n_methods


def _mean_of_known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean over the first axis of what is not NaN; NaN where nothing is."""
    known = ~np.isnan(values)
    n = known.sum(axis=0)
    return np.where(n > 0, np.where(known, values, 0).sum(axis=0) / np.maximum(n, 1), np.nan)


def _compared(
    figures: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    n_patients: int,
    n_rows: int,
    n_resamples: int,
    rng: np.random.Generator,
    *,
    n_parts: int,
    lacking: str,
    few: str,
) -> list[Compared]:
    values = figures(np.ones((1, n_patients)))[:, 0]
    reason = "all rows belong to one patient" if n_patients < 2 else "" if n_resamples > 0 else "no resamples asked for"
    drawn = np.empty((len(values), 0))
    if not reason:
        drawn = np.concatenate([figures(w) for w in patient_resamples(n_patients, n_rows, n_resamples, rng)], axis=1)
        drawn = drawn[:, ~np.isnan(drawn).any(axis=0)]
        if drawn.shape[1] < n_resamples / 2:
            reason = f"{n_resamples - drawn.shape[1]} of {n_resamples} bootstrap samples {lacking}"

    def estimate(value: float, samples: NDArray[np.float64], why: str) -> Estimate:
        if why:
            return Estimate(float(value), None, None, n_rows, why, n_patients)
        low, high = np.percentile(samples, _CONFIDENCE)
        return Estimate(float(value), float(low), float(high), n_rows, "", n_patients)

    found = []
    for i, value in enumerate(values):
        beyond = drawn[i] - drawn[0]
        p_value = None if reason or few or i == 0 else _two_sided(beyond)
        difference = estimate(value - values[0], beyond, reason or few)
        found.append(Compared(estimate(value, drawn[i], reason), difference, p_value, n_parts))
    return found


def _two_sided(differences: NDArray[np.float64]) -> float:
    smaller = min(int((differences <= 0).sum()), int((differences >= 0).sum()))
    return min(1.0, 2 * (1 + smaller) / (1 + len(differences)))


def _standard(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values with mean 0 and standard deviation 1, (n,) -> (1, n)."""
    standard: NDArray[np.float64] = ((values - values.mean()) / values.std())[None]
    return standard


def _weighted_ranks(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean rank of rows that are repeated as often as weights say, (n,), (n_samples, n) -> (n_samples, n)."""
    _, place = np.unique(values, return_inverse=True)
    order = np.argsort(place, kind="stable")
    first = np.concatenate(([0], np.flatnonzero(np.diff(place[order])) + 1))
    repeats = np.add.reduceat(weights[:, order], first, axis=1)  # (n_samples, n_distinct)
    ranks: NDArray[np.float64] = (np.cumsum(repeats, axis=1) - (repeats - 1) / 2)[:, place]
    return ranks


def _weighted_pearson(
    first: NDArray[np.float64], second: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return Pearson's coefficient per row of weights, (n_samples or 1, n) twice -> (n_samples,); NaN where constant."""
    total = weights.sum(axis=1, keepdims=True)
    x = first - (weights * first).sum(axis=1, keepdims=True) / total
    y = second - (weights * second).sum(axis=1, keepdims=True) / total
    spread = np.sqrt((weights * x**2).sum(axis=1) * (weights * y**2).sum(axis=1))
    tiny = spread <= 1e-12 * total[:, 0]
    return np.where(tiny, np.nan, (weights * x * y).sum(axis=1) / np.where(tiny, 1.0, spread))
