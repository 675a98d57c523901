"""How well many genes are predicted, each by itself: correlations with intervals, R2, mean squared error (F66)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cartopath.stats.gene_table import correlation_p, fisher_interval, gene_pairs, ranked, standard_columns


@dataclass(frozen=True, eq=False)
class GeneMetrics:
    """Figures of each gene, all (n_genes,); NaN where a figure is undefined: fewer than 3 pairs, or a constant.

    Attributes:
        n: Patients with a measured and a predicted value.
        pearson: Pearson's coefficient.
        pearson_low: Lower end of its 95 % interval (Fisher); NaN below 4 pairs.
        pearson_high: Upper end.
        pearson_p: Two-sided p-value.
        spearman: Spearman's coefficient, ties averaged.
        spearman_low: Lower end of its 95 % interval (standard error of Bonett and Wright 2000).
        spearman_high: Upper end.
        spearman_p: Two-sided p-value, by Student's t.
        r2: Share of the variance that is explained, 1 - SS(residuals) / SS(about the mean); negative where the mean of the
            measured values is the better prediction.
        mse: Mean squared error, in squared units of the values.
    """

    n: NDArray[np.int64]
    pearson: NDArray[np.float64]
    pearson_low: NDArray[np.float64]
    pearson_high: NDArray[np.float64]
    pearson_p: NDArray[np.float64]
    spearman: NDArray[np.float64]
    spearman_low: NDArray[np.float64]
    spearman_high: NDArray[np.float64]
    spearman_p: NDArray[np.float64]
    r2: NDArray[np.float64]
    mse: NDArray[np.float64]


def gene_metrics(measured: ArrayLike, predicted: ArrayLike) -> GeneMetrics:
    """Return how well each gene is predicted.

    Args:
        measured: (n_patients, n_genes) numbers, NaN for missing.
        predicted: (n_patients, n_genes) numbers in the same units, NaN for patients without a prediction.

    Raises:
        StatisticsError: The shapes differ, or a value is infinite.

    >>> import numpy as np
    >>> measured = np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [4.0, np.nan]])
    >>> found = gene_metrics(measured, [[1.0, 3.0], [2.0, 2.0], [4.0, 1.0], [3.0, 9.0]])
    >>> found.n.tolist(), found.pearson.round(3).tolist(), found.r2.round(3).tolist(), found.mse.round(3).tolist()
    ([4, 3], [0.8, -1.0], [0.6, -3.0], [0.5, 2.667])
    """
    first, second = gene_pairs(measured, predicted, "gene_metrics")
    n = (~np.isnan(first)).sum(axis=0)
    pearson, spearman = _correlation(first, second, n), _correlation(ranked(first), ranked(second), n)
    pearson_ends = fisher_interval(pearson, n, 1.0)
    spearman_ends = fisher_interval(spearman, n, np.sqrt(1 + spearman**2 / 2))
    r2, mse = _errors(first, second, n)
    return GeneMetrics(
        n=n,
        pearson=pearson,
        pearson_low=pearson_ends[0],
        pearson_high=pearson_ends[1],
        pearson_p=correlation_p(pearson, n),
        spearman=spearman,
        spearman_low=spearman_ends[0],
        spearman_high=spearman_ends[1],
        spearman_p=correlation_p(spearman, n),
        r2=r2,
        mse=mse,
    )


def _correlation(first: NDArray[np.float64], second: NDArray[np.float64], n: NDArray[np.int64]) -> NDArray[np.float64]:
    r = (standard_columns(first) * standard_columns(second)).sum(axis=0)
    return np.where(n >= 3, np.clip(r, -1, 1), np.nan)


def _errors(
    measured: NDArray[np.float64], predicted: NDArray[np.float64], n: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    known, some = ~np.isnan(measured), np.maximum(n, 1)
    squared = np.where(known, (measured - predicted) ** 2, 0.0).sum(axis=0)
    mean = np.where(known, measured, 0.0).sum(axis=0) / some
    about_mean = np.where(known, (measured - mean) ** 2, 0.0).sum(axis=0)
    varies = ~np.isnan(standard_columns(measured)).any(axis=0) & (n >= 2)
    r2 = np.where(varies, 1 - squared / np.where(varies, about_mean, 1.0), np.nan)
    return r2, np.where(n > 0, squared / some, np.nan)
