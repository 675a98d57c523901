"""A measurement in several groups of patients: Kruskal-Wallis, and the numbers of a box plot (paper, figures 2, 5b and 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import StatisticsError
from cartopath.stats.inputs import Names, Values, names_of, numbers, one_dimensional, same_length

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class GroupTest:
    """A test of whether groups differ.

    Attributes:
        statistic: Kruskal-Wallis H, corrected for ties. None where it is undefined.
        p_value: Chi-squared approximation. None where it is undefined.
        n: Size of each group.
        medians: Median of each group; empty groups have none.
        reason: Why there is no p-value, "" where there is one.
    """

    statistic: float | None
    p_value: float | None
    n: dict[str, int]
    medians: dict[str, float]
    reason: str = ""


def grouped(values: Values, groups: Names) -> dict[str, NDArray[np.float64]]:
    """Return the values of each group, groups sorted by name; rows without a value or a group are left out.

    Args:
        values: (n,) numbers, NaN for missing.
        groups: (n,) names of groups, "" or None for missing.

    Raises:
        StatisticsError: The lengths differ.

    >>> {name: list(map(float, part)) for name, part in grouped([1, 2, 3], ["b", "a", "b"]).items()}
    {'a': [2.0], 'b': [1.0, 3.0]}
    """
    array, names = one_dimensional(values, "grouped: values"), names_of(groups, "grouped: groups")
    same_length(values=array, groups=names)
    known = ~np.isnan(array) & (names != "")
    return {str(name): array[known & (names == name)] for name in np.unique(names[known])}


def kruskal_wallis(groups: Mapping[str, Values]) -> GroupTest:
    """Return the Kruskal-Wallis test of whether a measurement differs between groups.

    Args:
        groups: Values by group, as `grouped` gives them; missing ones do not count. Empty groups are listed
            and left out of the test.

    Raises:
        StatisticsError: A value is infinite.

    >>> result = kruskal_wallis({"ER-": [1.0, 2.0, 3.0], "ER+": [4.0, 5.0, 6.0]})
    >>> round(result.statistic, 4), round(result.p_value, 4), result.medians
    (3.8571, 0.0495, {'ER-': 2.0, 'ER+': 5.0})
    >>> kruskal_wallis({"ER-": [1.0, 2.0], "ER+": []}).reason
    'fewer than two groups have a value'
    """
    from scipy import stats

    arrays = _known(groups, "kruskal_wallis")
    n = {name: int(array.size) for name, array in arrays.items()}
    filled = {name: array for name, array in arrays.items() if array.size}
    medians = {name: float(np.median(array)) for name, array in filled.items()}
    if len(filled) < 2:
        return GroupTest(None, None, n, medians, "fewer than two groups have a value")
    if np.ptp(np.concatenate(list(filled.values()))) == 0:
        return GroupTest(None, None, n, medians, "every value is the same")
    result = stats.kruskal(*filled.values())
    return GroupTest(float(result.statistic), float(result.pvalue), n, medians)


def box_statistics(groups: Mapping[str, Values]) -> pd.DataFrame:
    """Return the numbers of a box plot, one row per group in the order given.

    Args:
        groups: Values by group, as `grouped` gives them; missing ones do not count.

    Returns:
        Columns group, n, minimum, whisker_low, q1, median, q3, whisker_high, maximum. Quartiles are linearly interpolated,
        whiskers reach the last value within 1.5 interquartile ranges of the box. Empty groups have n = 0 and nothing else.

    Raises:
        StatisticsError: A value is infinite, or there are no groups.

    >>> box_statistics({"hi": [1, 2, 3, 4, 20]}).iloc[0].to_dict()["whisker_high"]
    4.0
    """
    import pandas as pd

    if not groups:
        raise StatisticsError("box_statistics: no groups")
    return pd.DataFrame([_box(name, values) for name, values in _known(groups, "box_statistics").items()])


def _known(groups: Mapping[str, Values], caller: str) -> dict[str, NDArray[np.float64]]:
    """Return the groups without missing values, which do not count in n."""
    arrays = {name: one_dimensional(values, f"{caller}: group {name!r}") for name, values in groups.items()}
    return {name: numbers(array[~np.isnan(array)], f"{caller}: group {name!r}") for name, array in arrays.items()}


def _box(name: str, values: NDArray[np.float64]) -> dict[str, object]:
    columns = ("minimum", "whisker_low", "q1", "median", "q3", "whisker_high", "maximum")
    if values.size == 0:
        return {"group": name, "n": 0, **dict.fromkeys(columns)}
    q1, median, q3 = (float(value) for value in np.percentile(values, (25, 50, 75)))
    reach = 1.5 * (q3 - q1)
    low, high = float(values[values >= q1 - reach].min()), float(values[values <= q3 + reach].max())
    row = (float(values.min()), min(low, q1), q1, median, q3, max(high, q3), float(values.max()))
    return {"group": name, "n": int(values.size), **dict(zip(columns, row, strict=True))}
