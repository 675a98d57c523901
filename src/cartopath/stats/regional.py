"""Heterogeneity inside regions: the HTA index of the `hta` package, with its permutation test.

A slide can hold two traits in equal parts side by side or finely mixed; HTI cannot tell these apart, since it does not look at
positions. HTA is the HTI of square regions, averaged with each region's share of the positive tiles as weight. The null
hypothesis is that the combinations are exchangeable among the positive tiles: where tiles are positive is kept as it is, and
so are the weights. A small p-value says that regions are more homogeneous than chance makes them.

The `hta` package takes the regions as independent and adds up their variances. They are not (what one region gets, another
lacks), which makes its p-values of shuffled maps crowd around 0.5. Here the variance is that of the whole sum, and the p-values
of shuffled maps are uniform.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cartopath.core.errors import StatisticsError
from cartopath.stats.combinations import combination_codes, combination_names
from cartopath.stats.heterogeneity import Base, entropy, log_base, trait_names

if TYPE_CHECKING:
    import pandas as pd

_PERMUTED_AT_ONCE = 2_000_000


@dataclass(frozen=True, eq=False)
class RegionalHTI:
    """The regional heterogeneity index of one slide.

    Attributes:
        hta: Weighted mean of the regions' HTI, 0 to 1; 0 where no tile is positive. None where there are no tiles.
        expected: Mean of `hta` over the permutations, None where there were none.
        p_value: Chance of an `hta` as low or lower under permutation, one-sided, by the normal approximation with the mean and
            variance of the permuted `hta`; reaches values far below 1 / n_permutations. None where it is undefined.
        p_permutation: The same, counted over the permutations: (1 + as low or lower) / (1 + n). None where it is undefined.
        n_permutations: How many permutations were drawn.
        regions: One row per region that holds tissue: row, col (its upper left cell), n_tiles, n_positive, weight, hti,
            combinations (their shares, most frequent first).
        reason: Why the p-values are None, "" where they are not.
    """

    hta: float | None
    expected: float | None
    p_value: float | None
    p_permutation: float | None
    n_permutations: int
    regions: pd.DataFrame
    reason: str = ""


def regional_hti(
    traits: ArrayLike,
    mask: ArrayLike | None,
    region_size: int | tuple[int, int],
    *,
    base: Base = "all",
    n_permutations: int = 1000,
    rng: np.random.Generator,
    names: Sequence[str] | None = None,
) -> RegionalHTI:
    """Return the regional heterogeneity index of a map and its permutation p-value.

    Args:
        traits: (rows, cols, n_traits) booleans or 0 and 1, at least two traits; NaN without tissue.
        mask: (rows, cols) booleans, true where there is tissue; None: wherever `traits` is not NaN.
        region_size: Side of a region in cells, or (rows, cols). Regions start at the upper left; the last ones may be smaller.
        base: Base of the entropy [A8], the same for every region: "all" combinations possible, or those "observed" on this slide.
        n_permutations: How often to permute; 0 for no test.
        rng: Where chance comes from.
        names: What to call the traits in the table of regions.

    Raises:
        StatisticsError: A shape does not fit, or a value is missing inside the mask.

    >>> halves = np.zeros((20, 20, 2), dtype=bool)
    >>> halves[:, :10, 0] = halves[:, 10:, 1] = True
    >>> result = regional_hti(halves, None, 5, base="observed", rng=np.random.default_rng(0))
    >>> result.hta, result.p_value < 1e-10, result.p_permutation < 0.002
    (0.0, True, True)
    """
    codes = _map_codes(traits, mask)
    n_traits = np.shape(traits)[-1]
    rows, cols = _region_sides(region_size)
    labels = combination_names(trait_names(n_traits, names))
    region_rows, region_cols = (-(-codes.shape[0] // rows), -(-codes.shape[1] // cols))
    region = (np.arange(codes.shape[0]) // rows * region_cols)[:, None] + (np.arange(codes.shape[1]) // cols)[None, :]
    n_regions = region_rows * region_cols

    observed, compact = np.unique(codes[codes > 0], return_inverse=True)
    where = region[codes > 0]
    counts = _counts(where, compact[None, :], n_regions, len(observed))[0]  # (n_regions, n_observed)
    n_positive = counts.sum(axis=1)
    weights = n_positive / max(int(n_positive.sum()), 1)
    log_of = log_base(n_traits, len(observed), base)
    indices = entropy(counts, log_of) if len(observed) else np.zeros(n_regions)

    n_tiles = np.bincount(region[codes >= 0], minlength=n_regions)
    table = _region_table(n_tiles, counts, weights, indices, (rows, cols), region_cols, [labels[code] for code in observed])
    if not n_tiles.any():
        return RegionalHTI(None, None, None, None, 0, table, "no tiles")
    hta = float(weights @ indices)
    reason = _untestable(len(observed), n_permutations)
    if reason:
        return RegionalHTI(hta, None, None, None, 0, table, reason)
    permuted = _permuted_indices(where, compact, n_regions, len(observed), log_of, n_permutations, rng)
    return _tested(hta, weights, permuted, table)


def _map_codes(traits: ArrayLike, mask: ArrayLike | None) -> NDArray[np.int64]:
    shape = np.shape(traits)
    if len(shape) != 3 or shape[-1] < 2:
        raise StatisticsError(f"regional_hti: expected shape (rows, cols, n_traits) with at least two traits, found {shape}")
    codes = combination_codes(traits)
    if mask is None:
        return codes
    tissue = np.asarray(mask).astype(bool)
    if tissue.shape != codes.shape:
        raise StatisticsError(f"regional_hti: the mask has shape {tissue.shape}, the map {codes.shape}")
    if (codes[tissue] < 0).any():
        raise StatisticsError(f"regional_hti: {(codes[tissue] < 0).sum()} cells inside the mask have no trait values")
    return np.where(tissue, codes, -1)


def _region_sides(region_size: int | tuple[int, int]) -> tuple[int, int]:
    rows, cols = (region_size, region_size) if isinstance(region_size, int) else region_size
    if rows < 1 or cols < 1:
        raise StatisticsError(f"The 'region_size' parameter must be at least 1. Got {region_size!r} instead.")
    return rows, cols


def _untestable(n_observed: int, n_permutations: int) -> str:
    if n_observed == 0:
        return "no tile is positive for any trait"
    if n_observed == 1:
        return "every positive tile has the same combination"
    return "" if n_permutations > 0 else "no permutations asked for"


def _counts(where: NDArray[np.int64], compact: NDArray[np.int64], n_regions: int, n_observed: int) -> NDArray[np.int64]:
    """Count combinations by region in each row of `compact`: (n_rows, n_regions, n_observed)."""
    n_rows, cells = compact.shape[0], n_regions * n_observed
    flat = np.arange(n_rows)[:, None] * cells + where[None, :] * n_observed + compact
    return np.bincount(flat.ravel(), minlength=n_rows * cells).reshape(n_rows, n_regions, n_observed)


def _permuted_indices(
    where: NDArray[np.int64],
    compact: NDArray[np.int64],
    n_regions: int,
    n_observed: int,
    log_of: int,
    n_permutations: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return the HTI of every region in every permutation, (n_permutations, n_regions)."""
    at_once = max(1, _PERMUTED_AT_ONCE // max(len(compact), n_regions * n_observed))
    parts = []
    for start in range(0, n_permutations, at_once):
        n = min(at_once, n_permutations - start)
        shuffled = rng.permuted(np.tile(compact, (n, 1)), axis=1)
        parts.append(entropy(_counts(where, shuffled, n_regions, n_observed), log_of))
    return np.concatenate(parts)


def _tested(hta: float, weights: NDArray[np.float64], permuted: NDArray[np.float64], regions: pd.DataFrame) -> RegionalHTI:
    from scipy.special import ndtr

    n = len(permuted)
    totals = permuted @ weights
    expected = float(totals.mean())
    as_low = int((totals <= hta + 1e-12).sum())
    spread = float(totals.std())
    if spread < 1e-12:
        return RegionalHTI(hta, expected, None, None, n, regions, "no permutation changes the index: regions are too small")
    p_value = max(float(ndtr((hta - expected) / spread)), float(np.finfo(np.float64).tiny))  # The tail underflows beyond 38 sd.
    return RegionalHTI(hta, expected, p_value, (1 + as_low) / (1 + n), n, regions)


def _region_table(
    n_tiles: NDArray[np.int64],
    counts: NDArray[np.int64],
    weights: NDArray[np.float64],
    indices: NDArray[np.float64],
    sides: tuple[int, int],
    region_cols: int,
    labels: list[str],
) -> pd.DataFrame:
    import pandas as pd

    kept = np.flatnonzero(n_tiles)
    return pd.DataFrame(
        {
            "row": kept // region_cols * sides[0],
            "col": kept % region_cols * sides[1],
            "n_tiles": n_tiles[kept],
            "n_positive": counts[kept].sum(axis=1),
            "weight": weights[kept],
            "hti": indices[kept],
            "combinations": [_shares_text(counts[index], labels) for index in kept],
        }
    )


def _shares_text(counts: NDArray[np.int64], labels: list[str]) -> str:
    order = sorted(np.flatnonzero(counts), key=lambda index: (-int(counts[index]), index))
    return "; ".join(f"{labels[index]} {counts[index] / counts.sum():.3f}" for index in order)
