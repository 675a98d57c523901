"""Two predictions of the same genes on the same patients, compared gene by gene and over all genes.

Per gene: the difference of Pearson's coefficients, with Williams' test of two correlations that share a variable (Williams 1959,
J R Stat Soc B 21:396; recommended by Steiger 1980, Psychol Bull 87:245) and an interval by a bootstrap of patients. Over genes:
the median coefficient of each, and the median difference; a resample draws patients with all their genes, since genes of one
patient are not independent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cartopath.core.errors import StatisticsError
from cartopath.stats.discrimination import patient_resamples
from cartopath.stats.estimate import Estimate
from cartopath.stats.gene_table import gene_pairs, standard_columns

_CONFIDENCE = (2.5, 97.5)
_VALUES_AT_ONCE = 2_000_000
MIN_PATIENTS = 10
"""Resamples of fewer repeat the same few and make any difference look certain."""


@dataclass(frozen=True, eq=False)
class GeneComparison:
    """A second prediction beside a first. Arrays are (n_genes,); NaN where undefined.

    Attributes:
        first: Pearson's coefficients of the first prediction.
        second: Of the second.
        difference: Second minus first.
        low: Lower end of the 95 % bootstrap interval of the difference.
        high: Upper end.
        p_value: Two-sided, Williams' test.
        n: Patients with all three values.
        median_first: Median coefficient over genes of the first prediction.
        median_second: Of the second.
        median_difference: Median over genes of the difference.
        median_p: Two-sided bootstrap p-value of the median difference; None where it is undefined.
    """

    first: NDArray[np.float64]
    second: NDArray[np.float64]
    difference: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    p_value: NDArray[np.float64]
    n: NDArray[np.int64]
    median_first: Estimate
    median_second: Estimate
    median_difference: Estimate
    median_p: float | None


def compare_genes(
    measured: ArrayLike, first: ArrayLike, second: ArrayLike, *, n_resamples: int = 500, rng: np.random.Generator
) -> GeneComparison:
    """Compare two predictions of many genes.

    Args:
        measured: (n_patients, n_genes) numbers, NaN for missing; one row per patient.
        first: (n_patients, n_genes) the prediction that the other is held against.
        second: (n_patients, n_genes) the other.
        n_resamples: Bootstrap samples of patients.
        rng: Where chance comes from.

    Raises:
        StatisticsError: The shapes differ, or a value is infinite.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> measured = rng.normal(size=(80, 5))
    >>> poor, good = measured + 3 * rng.normal(size=(80, 5)), measured + rng.normal(size=(80, 5))
    >>> found = compare_genes(measured, poor, good, rng=rng)
    >>> bool((found.p_value < 0.01).all()), found.median_difference.low > 0.1, found.median_p < 0.01
    (True, True, True)
    """
    tables = _triples(measured, first, second)
    n = (~np.isnan(tables[0])).sum(axis=0)
    standard = [standard_columns(table) for table in tables]
    enough = n >= 3
    r_first, r_second, between = (
        np.where(enough, np.clip((standard[i] * standard[j]).sum(axis=0), -1, 1), np.nan) for i, j in ((0, 1), (0, 2), (1, 2))
    )
    drawn = _drawn(tables, n_resamples, rng) if len(tables[0]) >= MIN_PATIENTS and n_resamples > 0 else None
    low, high = (np.full(len(n), np.nan),) * 2 if drawn is None else _percentiles(drawn[1] - drawn[0])
    medians = _medians(r_first, r_second, drawn, len(tables[0]))
    return GeneComparison(
        first=r_first,
        second=r_second,
        difference=r_second - r_first,
        low=low,
        high=high,
        p_value=williams_p(r_first, r_second, between, n),
        n=n,
        median_first=medians[0],
        median_second=medians[1],
        median_difference=medians[2],
        median_p=_median_p(drawn),
    )


def williams_p(
    first: NDArray[np.float64], second: NDArray[np.float64], between: NDArray[np.float64], n: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return two-sided p-values against two correlations with one variable being equal (Williams 1959).

    Args:
        first: Correlations of the shared variable with the first of two others.
        second: With the second.
        between: Correlations of the two others.
        n: Cases; at least 4, or the p-value is NaN.

    >>> import numpy as np
    >>> williams_p(np.array([0.5]), np.array([0.3]), np.array([0.4]), np.array([100])).round(4).tolist()
    [0.0416]
    """
    from scipy import stats

    mean = (first + second) / 2
    determinant = 1 - first**2 - second**2 - between**2 + 2 * first * second * between
    freedom = np.where(n > 3, n - 3.0, np.nan)
    spread = 2 * (n - 1) / freedom * np.maximum(determinant, 0) + mean**2 * (1 - between) ** 3
    same = spread <= 1e-15  # Equal up to rounding: no evidence of a difference.
    t = (second - first) * np.sqrt((n - 1) * (1 + between) / np.where(same, 1.0, spread))
    p: NDArray[np.float64] = 2 * stats.t.sf(np.abs(np.where(same & ~np.isnan(t), 0.0, t)), freedom)
    return p


def _triples(measured: ArrayLike, first: ArrayLike, second: ArrayLike) -> list[NDArray[np.float64]]:
    one = gene_pairs(measured, first, "compare_genes: first")
    two = gene_pairs(measured, second, "compare_genes: second")
    if not one[0].shape[1]:
        raise StatisticsError("compare_genes: there is no gene to compare")
    missing = np.isnan(one[1]) | np.isnan(two[1])
    return [np.where(missing, np.nan, table) for table in (one[0], one[1], two[1])]


def _drawn(tables: list[NDArray[np.float64]], n_resamples: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the coefficients of both predictions in every resample, (2, n_resamples, n_genes)."""
    n_patients, n_genes = tables[0].shape
    weights = np.concatenate(list(patient_resamples(n_patients, n_patients, n_resamples, rng)))
    known = (~np.isnan(tables[0])).astype(np.float64)
    scaled = [np.nan_to_num(standard_columns(table)) * np.sqrt(n_patients) for table in tables]
    drawn = np.empty((2, n_resamples, n_genes), np.float32)
    step = max(1, _VALUES_AT_ONCE // n_resamples)
    for start in range(0, n_genes, step):
        part = slice(start, start + step)
        drawn[:, :, part] = _weighted(weights, known[:, part], *(table[:, part] for table in scaled))
    return drawn


def _weighted(
    weights: NDArray[np.float64],
    known: NDArray[np.float64],
    target: NDArray[np.float64],
    first: NDArray[np.float64],
    second: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return weighted coefficients of the target with both predictions, (2, n_samples, n_genes); NaN where constant."""
    total = np.maximum(weights @ known, 1.0)
    mean = weights @ target / total
    spread = weights @ target**2 / total - mean**2
    found = []
    for values in (first, second):
        own = weights @ values / total
        own_spread = weights @ values**2 / total - own**2
        product = weights @ (values * target) / total - mean * own
        scale = np.sqrt(np.maximum(spread, 0) * np.maximum(own_spread, 0))
        found.append(np.where(scale > 1e-9, product / np.where(scale > 1e-9, scale, 1.0), np.nan))
    return np.array(found)


def _percentiles(values: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    ends = np.full((2, values.shape[1]), np.nan)
    whole = ~np.isnan(values).any(axis=0)
    ends[:, whole] = np.percentile(values[:, whole], _CONFIDENCE, axis=0)
    partly = np.flatnonzero(~whole & ((~np.isnan(values)).sum(axis=0) >= len(values) / 2))
    for gene in partly:  # A resample in which the gene or its prediction is constant does not count.
        ends[:, gene] = np.nanpercentile(values[:, gene], _CONFIDENCE)
    return ends[0], ends[1]


def _medians(
    first: NDArray[np.float64], second: NDArray[np.float64], drawn: NDArray[np.float32] | None, n_patients: int
) -> list[Estimate]:
    defined = ~(np.isnan(first) | np.isnan(second))
    n_genes = int(defined.sum())
    if not n_genes:
        return [Estimate(None, None, None, 0, "no gene has a defined correlation", n_patients)] * 3
    values = [first, second, second - first]
    if drawn is None:
        reason = f"{n_patients} patients; an interval needs {MIN_PATIENTS}"
        return [Estimate(float(np.median(value[defined])), None, None, n_genes, reason, n_patients) for value in values]
    estimates = []
    for value, samples in zip(values, (drawn[0], drawn[1], drawn[1] - drawn[0]), strict=True):
        low, high = np.percentile(np.nanmedian(samples[:, defined], axis=1), _CONFIDENCE)
        estimates.append(Estimate(float(np.median(value[defined])), float(low), float(high), n_genes, "", n_patients))
    return estimates


def _median_p(drawn: NDArray[np.float32] | None) -> float | None:
    if drawn is None:
        return None
    defined = ~np.isnan(drawn).all(axis=(0, 1))
    if not defined.any():
        return None
    medians = np.nanmedian((drawn[1] - drawn[0])[:, defined], axis=1)
    smaller = min(int((medians <= 0).sum()), int((medians >= 0).sum()))
    return min(1.0, 2 * (1 + smaller) / (1 + len(medians)))
