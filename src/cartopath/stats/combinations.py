"""Combinations of binary traits, and the number each of them has on a map.

The code of a tile is the sum of 2**i over the traits i it is positive for, as in the heterogeneity maps of Levy-Jurgenson et al.
2020: for two traits 0 is neither, 1 the first only, 2 the second only, 3 both.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cartopath.core.errors import StatisticsError

MAX_TRAITS = 16


def combinations(n_traits: int) -> tuple[tuple[int, ...], ...]:
    """Return the traits of every combination; the position in the result is the combination's code.

    Args:
        n_traits: How many traits, 1 to 16.

    Returns:
        2**n_traits tuples of trait indices. The first is empty: positive for none.

    Raises:
        StatisticsError: `n_traits` is out of range.

    >>> combinations(2)
    ((), (0,), (1,), (0, 1))
    """
    if not 1 <= n_traits <= MAX_TRAITS:
        raise StatisticsError(f"combinations are counted for 1 to {MAX_TRAITS} traits, found {n_traits}")
    return tuple(tuple(trait for trait in range(n_traits) if code >> trait & 1) for code in range(2**n_traits))


def combination_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return what to call every combination; the position in the result is the combination's code.

    Raises:
        StatisticsError: Two traits have the same name.

    >>> combination_names(["MKI67", "ESR1"])
    ('none', 'MKI67', 'ESR1', 'MKI67 + ESR1')
    """
    if len(set(names)) < len(names):
        raise StatisticsError(f"two traits have the same name: {', '.join(names)}")
    return tuple(" + ".join(names[trait] for trait in traits) or "none" for traits in combinations(len(names)))


def combination_codes(traits: ArrayLike) -> NDArray[np.int64]:
    """Return the code of each tile's combination.

    Args:
        traits: (..., n_traits) booleans, or the numbers 0 and 1. NaN in every trait marks a place without tissue.

    Returns:
        (...) int64: -1 without tissue, 0 for no trait, otherwise the sum of 2**i over the positive traits i.

    Raises:
        StatisticsError: There are too few or many traits, a value other than 0 and 1, or a tile with only some values missing.

    >>> combination_codes([[0, 0], [1, 0], [0, 1], [1, 1], [float("nan"), float("nan")]]).tolist()
    [0, 1, 2, 3, -1]
    """
    array = np.asarray(traits)
    if array.ndim < 1 or not 1 <= array.shape[-1] <= MAX_TRAITS:
        raise StatisticsError(f"traits: expected shape (..., n_traits) with 1 to {MAX_TRAITS} traits, found {array.shape}")
    if array.dtype != np.bool_:
        array = _checked(array)
    missing = np.isnan(array).all(axis=-1) if array.dtype != np.bool_ else np.zeros(array.shape[:-1], dtype=bool)
    codes = (np.nan_to_num(array).astype(np.int64) << np.arange(array.shape[-1])).sum(axis=-1)
    return np.where(missing, -1, codes).astype(np.int64)


def _checked(array: NDArray[np.generic]) -> NDArray[np.float64]:
    try:
        values = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise StatisticsError(f"traits: expected booleans or 0 and 1, found {array.dtype} ({error})") from error
    missing = np.isnan(values)
    if (missing.any(axis=-1) != missing.all(axis=-1)).any():
        raise StatisticsError("traits: a tile has a value for some traits only; every trait must be predicted on the same tiles")
    other = values[~missing & (values != 0) & (values != 1)]
    if other.size:
        raise StatisticsError(
            f"traits: expected booleans or 0 and 1, found {other[0]:g}; binarise first (for scores: score > 0.5)"
        )
    return values
