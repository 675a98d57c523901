"""What a statistic accepts: the checks that every public function of this layer makes on its arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cartopath.core.errors import StatisticsError

Values = ArrayLike | Sequence[float | None]
Names = ArrayLike | Sequence[str | None]


def numbers(values: Values, what: str) -> NDArray[np.float64]:
    """Return a one-dimensional float array without missing or infinite values.

    Raises:
        StatisticsError: It has another shape, or a value that is not a finite number.
    """
    array = one_dimensional(values, what)
    bad = np.flatnonzero(~np.isfinite(array))
    if bad.size:
        raise StatisticsError(
            f"{what}: value {array[bad[0]]} at position {bad[0]} is not a finite number ({bad.size} of {array.size}); "
            "leave it out first"
        )
    return array


def one_dimensional(values: Values, what: str) -> NDArray[np.float64]:
    """Return a one-dimensional float array, in which NaN stands for missing (also for None and pandas' NA)."""
    raw = np.asarray(values)
    if raw.dtype == object:
        raw = np.asarray([np.nan if _is_missing(value) else value for value in raw.ravel()], dtype=object).reshape(raw.shape)
    try:
        array = raw.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise StatisticsError(f"{what}: expected numbers, found {raw.dtype} ({error})") from error
    if array.ndim != 1:
        raise StatisticsError(f"{what}: expected one dimension, found shape {array.shape}")
    return array


def binary(values: Values, what: str) -> NDArray[np.bool_]:
    """Return a one-dimensional boolean array from booleans or the numbers 0 and 1.

    Raises:
        StatisticsError: Any other value is in it.
    """
    array = numbers(values, what)
    bad = np.flatnonzero((array != 0) & (array != 1))
    if bad.size:
        raise StatisticsError(f"{what}: expected only 0 and 1, found {array[bad[0]]:g} at position {bad[0]}")
    return array.astype(bool)


def same_length(**arrays: Sequence[Any] | NDArray[Any]) -> int:
    """Return the common length of the named arrays.

    Raises:
        StatisticsError: They differ.
    """
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise StatisticsError(f"expected one value of each per row, found {found}; join them by their key first")
    return next(iter(lengths.values()))


def names_of(values: Names, what: str) -> NDArray[np.str_]:
    """Return a one-dimensional array of text, in which "" stands for missing (None, NaN and pandas' NA)."""
    raw = np.asarray(values, dtype=object)
    if raw.ndim != 1:
        raise StatisticsError(f"{what}: expected one dimension, found shape {raw.shape}")
    return np.asarray(["" if _is_missing(value) else str(value) for value in raw], dtype=np.str_)


def _is_missing(value: object) -> bool:
    if value is None or type(value).__name__ in {"NAType", "NaTType"}:
        return True
    return isinstance(value, (float, np.floating)) and bool(np.isnan(value))


def choice(value: str, allowed: Sequence[str], parameter: str) -> str:
    """Return `value` if it is one of `allowed`.

    Raises:
        StatisticsError: It is not.
    """
    if value not in allowed:
        raise StatisticsError(
            f"The {parameter!r} parameter must be one of {', '.join(map(repr, allowed))}. Got {value!r} instead."
        )
    return value
