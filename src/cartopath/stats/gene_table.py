"""Measured and predicted values of many genes at once, checked, and the sums that their statistics are made of."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cartopath.core.errors import StatisticsError

_CONSTANT = 1e-13
"""A spread below this share of the largest value is what rounding makes of a constant."""


def gene_pairs(measured: ArrayLike, predicted: ArrayLike, caller: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return two tables (n_patients, n_genes) in which a pair that lacks a value is NaN on both sides.

    Raises:
        StatisticsError: They are no tables, differ in shape, or hold infinite values.
    """
    tables = [np.array(table, np.float64) for table in (measured, predicted)]
    if tables[0].ndim != 2 or tables[0].shape != tables[1].shape:
        raise StatisticsError(
            f"{caller}: expected two tables (n_patients, n_genes) of one shape, found {tables[0].shape} and {tables[1].shape}"
        )
    for table, what in zip(tables, ("measured", "predicted"), strict=True):
        if np.isinf(table).any():
            raise StatisticsError(f"{caller}: a {what} value is infinite; a logarithm of zero?")
    missing = np.isnan(tables[0]) | np.isnan(tables[1])
    for table in tables:
        table[missing] = np.nan
    return tables[0], tables[1]


def ranked(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the ranks of each column from 1, ties averaged; missing values stay missing and take no rank."""
    from scipy import stats

    missing = np.isnan(values)
    ranks: NDArray[np.float64] = stats.rankdata(np.where(missing, np.inf, values), axis=0).astype(np.float64)
    ranks[missing] = np.nan
    return ranks


def standard_columns(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return columns of mean 0 and length 1, with 0 for missing values; a constant column is NaN.

    The correlations of two such tables are the sums of their products.
    """
    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)
    largest = np.abs(filled).max(axis=0, initial=0.0)
    n = known.sum(axis=0)
    centred = np.where(known, filled - filled.sum(axis=0) / np.maximum(n, 1), 0.0)
    length = np.sqrt((centred**2).sum(axis=0))
    constant = length <= _CONSTANT * largest * np.sqrt(np.maximum(n, 1))
    standard: NDArray[np.float64] = centred / np.where(constant, np.nan, length)
    return standard


def correlation_p(r: NDArray[np.float64], n: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return two-sided p-values of correlations over n pairs, by Student's t; NaN where r or the test is undefined."""
    from scipy import stats

    freedom = n - 2.0
    defined = ~np.isnan(r) & (freedom > 0)
    safe = np.where(defined, np.clip(r, -1, 1), 0.0)
    with np.errstate(divide="ignore"):
        t = np.abs(safe) * np.sqrt(np.maximum(freedom, 1) / np.maximum(1 - safe**2, 0))
    p: NDArray[np.float64] = np.where(defined, 2 * stats.t.sf(t, np.maximum(freedom, 1)), np.nan)
    return p


def fisher_interval(
    r: NDArray[np.float64], n: NDArray[np.int64], error: NDArray[np.float64] | float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the ends of 95 % intervals of correlations; `error` is the standard error of atanh(r) times sqrt(n - 3)."""
    half = 1.959963984540054 * error / np.sqrt(np.where(n > 3, n - 3.0, np.nan))
    with np.errstate(divide="ignore"):
        z = np.arctanh(np.clip(r, -1, 1))
    return np.tanh(z - half), np.tanh(z + half)
