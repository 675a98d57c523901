"""Whether genes are predicted better than if patients' measurements had been shuffled: permutations of all genes at once.

Every permutation moves whole patients, so that genes that go together still do, and within their group (the fold that tested
them) where groups are given. The null values of all genes are pooled, as atanh(r) sqrt(n - 3): a gene's p-value is the share of
null values that reach its own, counting one more, so that it is never 0 and can be small although permutations are few.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cartopath.core.errors import StatisticsError
from cartopath.stats.gene_table import correlation_p, gene_pairs, standard_columns
from cartopath.stats.inputs import Names, names_of

ALPHA = 0.05
_NULL_VALUES, _FEWEST, _MOST = 20_000, 50, 1000


@dataclass(frozen=True, eq=False)
class PermutedGenes:
    """Correlations of genes beside those of shuffled measurements.

    Attributes:
        pearson: (n_genes,) coefficients of the measurements as they are; NaN where undefined.
        p_value: (n_genes,) one-sided: the chance of as good a correlation where nothing is predicted.
        null_median: Median of the null coefficients.
        null_95: The coefficient that 5 % of the null values exceed.
        n_below_alpha: (n_permutations,) genes with a two-sided raw p-value below 0.05, of either sign, in each permutation.
        n_discovered: (n_permutations,) genes with a positive correlation and a q-value (BH) below 0.05 in each permutation.
    """

    pearson: NDArray[np.float64]
    p_value: NDArray[np.float64]
    null_median: float
    null_95: float
    n_below_alpha: NDArray[np.int64]
    n_discovered: NDArray[np.int64]


def permuted_genes(
    measured: ArrayLike,
    predicted: ArrayLike,
    *,
    groups: Names | None = None,
    n_permutations: int | None = None,
    rng: np.random.Generator,
) -> PermutedGenes:
    """Compare the correlation of each gene with those that shuffled measurements give.

    Args:
        measured: (n_patients, n_genes) numbers, NaN for missing.
        predicted: (n_patients, n_genes) numbers.
        groups: (n_patients,) patients are shuffled within these only; None: among all.
        n_permutations: How many; by default 20,000 null values in all, 50 to 1000 permutations.
        rng: Where chance comes from.

    Raises:
        StatisticsError: The shapes differ, or a value is infinite.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> measured = rng.normal(size=(60, 40))
    >>> predicted = rng.normal(size=(60, 40))
    >>> predicted[:, :3] += measured[:, :3]
    >>> found = permuted_genes(measured, predicted, rng=rng)
    >>> bool((found.p_value[:3] < 0.001).all()), bool((found.p_value[3:] < 0.001).any())
    (True, False)
    """
    first, second = gene_pairs(measured, predicted, "permuted_genes")
    n_patients, n_genes = first.shape
    labels = np.zeros(n_patients, np.int64) if groups is None else _codes(groups, n_patients)
    times = n_permutations or min(max(math.ceil(_NULL_VALUES / max(n_genes, 1)), _FEWEST), _MOST)
    own, n_own = _coefficients(first, second)
    drawn = [_coefficients(first[order], second) for order in _orders(labels, times, rng)]
    r, n = (np.array(part) for part in zip(*drawn, strict=True))  # (n_permutations, n_genes)
    p = correlation_p(r, n)
    defined = r[~np.isnan(r)]
    return PermutedGenes(
        pearson=own,
        p_value=_shares(_scaled(own, n_own), np.sort(_scaled(r, n), axis=None)),
        null_median=float(np.median(defined)) if len(defined) else math.nan,
        null_95=float(np.percentile(defined, 95)) if len(defined) else math.nan,
        n_below_alpha=(p < ALPHA).sum(axis=1),
        n_discovered=((p <= _last_rejected(p)) & (r > 0)).sum(axis=1),
    )


def _codes(groups: Names, n_patients: int) -> NDArray[np.int64]:
    names = names_of(groups, "permuted_genes: groups")
    if len(names) != n_patients:
        raise StatisticsError(f"permuted_genes: {len(names)} groups for {n_patients} patients; give one for each")
    return np.unique(names, return_inverse=True)[1]


def _orders(labels: NDArray[np.int64], times: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Yield orders of the patients in which each place is taken by a patient of its own group."""
    places = np.argsort(labels, kind="stable")
    for _ in range(times):
        order = np.empty(len(labels), np.int64)
        order[places] = np.lexsort((rng.random(len(labels)), labels))
        yield order


def _coefficients(first: NDArray[np.float64], second: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    missing = np.isnan(first) | np.isnan(second)
    if missing.any():
        first, second = np.where(missing, np.nan, first), np.where(missing, np.nan, second)
    n = (~missing).sum(axis=0)
    r = np.einsum("pg,pg->g", standard_columns(first), standard_columns(second))
    return np.where(n >= 3, np.clip(r, -1, 1), np.nan), n


def _scaled(r: NDArray[np.float64], n: NDArray[np.int64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        return np.asarray(np.arctanh(r) * np.sqrt(np.where(n > 3, n - 3.0, np.nan)))


def _shares(own: NDArray[np.float64], pooled: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of null values, in rising order, that reach each own value, counting one more; NaN where there is none."""
    n_null = len(pooled) - int(np.isnan(pooled).sum())  # NaN are sorted to the end.
    reached = n_null - np.searchsorted(pooled[:n_null], own, side="left")
    return np.where(np.isnan(own), np.nan, (1 + reached) / (1 + n_null))


def _last_rejected(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each row the largest p-value whose q-value (Benjamini and Hochberg) is below 0.05, -1 for none, (n_rows, 1)."""
    ranked = np.sort(p, axis=1)
    n_tests = (~np.isnan(p)).sum(axis=1, keepdims=True)
    is_rejected = ranked * n_tests < ALPHA * np.arange(1, p.shape[1] + 1)
    last: NDArray[np.float64] = np.where(is_rejected, ranked, -1.0).max(axis=1, initial=-1.0, keepdims=True)
    return last
