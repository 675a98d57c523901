"""Confidence from the amount of tissue: how good answers become when patients with little tissue get none (F59).

Rawat et al. 2020 suggest that a score rests on more where there is more tissue. Whether that is so in a cohort is a question to
its data: the curve goes from answering everybody to answering only those with the most tissue, and one number says whether
right answers come with more tissue than wrong ones at all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from cartopath.core.errors import StatisticsError
from cartopath.stats.discrimination import auroc_ci
from cartopath.stats.estimate import Estimate
from cartopath.stats.inputs import binary, numbers, same_length

_Z = 1.959963984540054
"""Of a two-sided 95 % interval."""


@dataclass(frozen=True, slots=True)
class AbstentionPoint:
    """What answering only patients with enough tissue gives.

    Attributes:
        least: Amount that a patient needs to be answered.
        coverage: Share of patients that have it.
        accuracy: Share of right answers among them, with Wilson's interval.
        auroc: Of their scores.
    """

    least: float
    coverage: float
    accuracy: Estimate
    auroc: Estimate


@dataclass(frozen=True, slots=True)
class Abstention:
    """Coverage against accuracy.

    Attributes:
        points: From everybody to those with the most tissue.
        tells: How well the amount tells right from wrong answers: the AUROC of the amount, 0.5 where it says nothing.
    """

    points: tuple[AbstentionPoint, ...]
    tells: Estimate


def abstention(
    labels: ArrayLike,
    scores: ArrayLike,
    amounts: ArrayLike,
    *,
    threshold: float = 0.0,
    n_points: int = 20,
    fewest: int = 10,
    n_resamples: int = 1000,
    rng: np.random.Generator,
) -> Abstention:
    """Return how accuracy and AUROC change as more and more tissue is asked for.

    Args:
        labels: (n_patients,) booleans or 0 and 1.
        scores: (n_patients,) numbers, positive strictly above `threshold`.
        amounts: (n_patients,) amount of tissue, such as the number of tiles.
        threshold: Where scores are cut.
        n_points: Points of the curve at most; patients with equal amounts are answered or not together.
        fewest: Patients that a point needs; the first is kept whatever it holds.
        n_resamples: Bootstrap samples of each AUROC.
        rng: Where chance comes from.

    Raises:
        StatisticsError: There are no patients, the arrays do not fit together, or a value is missing.

    >>> curve = abstention([0, 1] * 10, [-1, 1] * 8 + [1, -1] * 2, range(20, 0, -1), fewest=5, rng=np.random.default_rng(0))
    >>> first, last = curve.points[0], curve.points[-1]
    >>> (first.coverage, first.accuracy.value), (last.coverage, last.accuracy.value), curve.tells.value
    ((1.0, 0.8), (0.25, 1.0), 1.0)
    """
    positive = binary(labels, "abstention: labels")
    score, amount = numbers(scores, "abstention: scores"), numbers(amounts, "abstention: amounts")
    n = same_length(labels=positive, scores=score, amounts=amount)
    if n == 0 or n_points < 1:
        raise StatisticsError(f"abstention: it needs patients and points. Got {n} patients and 'n_points' {n_points}.")
    is_right = (score > threshold) == positive
    ordered = np.sort(amount)
    wanted = np.unique(ordered[np.floor(np.arange(n_points) * n / n_points).astype(int)])
    points: list[AbstentionPoint] = []
    for least in wanted.tolist():
        chosen = amount >= least
        if points and chosen.sum() < fewest:
            break
        area = auroc_ci(positive[chosen], score[chosen], n_resamples=n_resamples, rng=rng)
        points.append(AbstentionPoint(least, float(chosen.mean()), proportion(is_right[chosen]), area))
    return Abstention(tuple(points), auroc_ci(is_right, amount, n_resamples=n_resamples, rng=rng))


def least_amount(points: Sequence[AbstentionPoint], *, accuracy: float) -> float | None:
    """Return the rule for abstaining: the smallest amount from which on accuracy never falls below what is wanted.

    Draw the curve on validation patients: a rule that is chosen and judged on the same patients looks better than it is.

    Args:
        points: Of a curve.
        accuracy: Wanted share of right answers.

    Returns:
        The amount, or None where no amount gives that accuracy.

    >>> right = [Estimate(value, None, None, 20) for value in (0.7, 0.9, 0.95)]
    >>> points = [AbstentionPoint(10.0 * i, 1.0 - 0.3 * i, one, one) for i, one in enumerate(right)]
    >>> least_amount(points, accuracy=0.9), least_amount(points, accuracy=0.99)
    (10.0, None)
    """
    found = None
    for point in reversed(points):
        if point.accuracy.value is None or point.accuracy.value < accuracy:
            break
        found = point.least
    return found


def proportion(outcomes: ArrayLike) -> Estimate:
    """Return the share of true outcomes with Wilson's 95 % interval, which holds for few outcomes and at 0 and 1 too.

    >>> print(proportion([True] * 9 + [False]))
    0.90 (95% CI 0.60-0.98, n=10)
    """
    values = binary(outcomes, "proportion: outcomes")
    n = len(values)
    if n == 0:
        return Estimate(None, None, None, 0, "there are no rows")
    share, z2 = float(values.mean()), _Z**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n**2))
    return Estimate(share, max(0.0, middle - half), min(1.0, middle + half), n)
