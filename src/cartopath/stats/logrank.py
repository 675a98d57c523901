"""The log-rank test: two or more groups, within strata, and pair by pair.

lifelines does the plain test. It has no stratified one, nor one for groups that were not all under observation together; these
add up observed minus expected deaths and their hypergeometric covariances here (Mantel and Haenszel).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations as pairs_of
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cartopath.stats.follow_up import follow_up
from cartopath.stats.inputs import Names, names_of, same_length
from cartopath.stats.multiple_testing import benjamini_hochberg

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Logrank:
    """A two-sided log-rank test of whether groups survive equally long.

    Attributes:
        statistic: Chi-squared. None where it is undefined.
        p_value: Two-sided. None where it is undefined.
        n: Patients by group.
        events: Deaths by group.
        reason: Why there is no test, "" where there is one.
        degrees_of_freedom: Number of groups less one; fewer where groups were never under observation together.
        n_strata: Strata that were compared within; 1 for the plain test.
        n_left_out: Rows without a group, in another group than asked for, or without a stratum.
    """

    statistic: float | None
    p_value: float | None
    n: dict[str, int]
    events: dict[str, int]
    reason: str = ""
    degrees_of_freedom: int = 1
    n_strata: int = 1
    n_left_out: int = 0


def logrank(
    time_days: ArrayLike,
    event: ArrayLike,
    group: Names,
    *,
    only: Sequence[str] | None = None,
    strata: Names | None = None,
) -> Logrank:
    """Return the two-sided log-rank test between all groups.

    Args:
        time_days: (n,) follow-up in days.
        event: (n,) 1 where the patient died.
        group: (n,) groups; rows with "" or a missing group are left out.
        only: Compare these groups only, such as ("low", "high") without the middle [A9].
        strata: (n,) strata within which to compare, such as sex and age (see `strata`); rows without one are left out.

    Raises:
        StatisticsError: Lengths differ, or a time or event is missing or impossible.

    >>> result = logrank([6, 7, 10, 15, 1, 2, 3, 4], [1, 1, 0, 1, 1, 1, 1, 1], ["a"] * 4 + ["b"] * 4)
    >>> round(result.statistic, 3), round(result.p_value, 4), result.n
    (7.344, 0.0067, {'a': 4, 'b': 4})
    >>> logrank([1, 2], [0, 0], ["a", "b"]).reason
    'nobody died'
    """
    time, died = follow_up(time_days, event, "logrank")
    names = names_of(group, "logrank: group")
    layers = np.full(names.shape, "all") if strata is None else names_of(strata, "logrank: strata")
    same_length(time_days=time, group=names, strata=layers)
    kept = (names != "") & (layers != "") & (True if only is None else np.isin(names, list(only)))
    time, died, names, layers = time[kept], died[kept], names[kept], layers[kept]

    found = [str(name) for name in np.unique(names)]
    n = {name: int((names == name).sum()) for name in found}
    events = {name: int(died[names == name].sum()) for name in found}
    n_strata, n_left_out = len(np.unique(layers)), int((~kept).sum())
    reason = _untestable(found, died)
    excess, covariance = _excess_over_strata(time, died, names, layers)
    freedom = int(np.linalg.matrix_rank(covariance, hermitian=True)) if found else 0
    if not reason and freedom == 0:
        reason = "no death happened while two groups were under observation"
    if reason:
        return Logrank(None, None, n, events, reason, 0, n_strata, n_left_out)
    if n_strata == 1 and freedom == len(found) - 1:
        statistic, p_value = _by_lifelines(time, died, names)
    else:
        statistic, p_value = _chi_squared(excess, covariance, freedom)
    return Logrank(statistic, p_value, n, events, "", freedom, n_strata, n_left_out)


def pairwise_logrank(time_days: ArrayLike, event: ArrayLike, group: Names, *, strata: Names | None = None) -> pd.DataFrame:
    """Return the two-sided log-rank test of every pair of groups, with q-values over the pairs.

    Args:
        time_days: (n,) follow-up in days.
        event: (n,) 1 where the patient died.
        group: (n,) groups; rows with "" or a missing group are left out.
        strata: (n,) strata within which to compare.

    Returns:
        One row per pair: first, second, n_first, n_second, events_first, events_second, statistic, p_value, q_value (Benjamini
        and Hochberg), reason. Where a test is undefined the numbers are empty and the reason says why.

    Raises:
        StatisticsError: As for `logrank`.

    >>> table = pairwise_logrank([1, 2, 3, 4, 9, 9], [1] * 6, ["a", "a", "b", "b", "c", "c"])
    >>> table[["first", "second"]].to_numpy().tolist()
    [['a', 'b'], ['a', 'c'], ['b', 'c']]
    """
    import pandas as pd

    names = names_of(group, "pairwise_logrank: group")
    found = [str(name) for name in np.unique(names) if name]
    rows = []
    for first, second in pairs_of(found, 2):
        test = logrank(time_days, event, names, only=(first, second), strata=strata)
        rows.append(
            {
                "first": first,
                "second": second,
                "n_first": test.n.get(first, 0),
                "n_second": test.n.get(second, 0),
                "events_first": test.events.get(first, 0),
                "events_second": test.events.get(second, 0),
                "statistic": np.nan if test.statistic is None else test.statistic,
                "p_value": np.nan if test.p_value is None else test.p_value,
                "reason": test.reason,
            }
        )
    columns = ["first", "second", "n_first", "n_second", "events_first", "events_second", "statistic", "p_value", "reason"]
    table = pd.DataFrame(rows, columns=columns)
    table.insert(8, "q_value", benjamini_hochberg(table["p_value"].to_numpy(dtype=np.float64)))
    return table


def _untestable(groups: list[str], died: NDArray[np.bool_]) -> str:
    if len(groups) < 2:
        return f"only one group has patients ({groups[0]})" if groups else "no group has patients"
    return "" if died.any() else "nobody died"


def _by_lifelines(time: NDArray[np.float64], died: NDArray[np.bool_], names: NDArray[np.str_]) -> tuple[float, float]:
    from lifelines.statistics import multivariate_logrank_test

    result = multivariate_logrank_test(time, names, died)
    return float(result.test_statistic), float(result.p_value)


def _chi_squared(excess: NDArray[np.float64], covariance: NDArray[np.float64], freedom: int) -> tuple[float, float]:
    from scipy.special import chdtrc

    statistic = float(excess @ np.linalg.pinv(covariance, hermitian=True) @ excess)
    return statistic, float(chdtrc(freedom, statistic))


def _excess_over_strata(
    time: NDArray[np.float64], died: NDArray[np.bool_], names: NDArray[np.str_], layers: NDArray[np.str_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Add up observed minus expected deaths, (k,), and their covariances, (k, k), over the strata (Mantel and Haenszel)."""
    groups = np.unique(names)
    excess, covariance = np.zeros(len(groups)), np.zeros((len(groups), len(groups)))
    for layer in np.unique(layers):
        inside = layers == layer
        part_excess, part_covariance = _excess(time[inside], died[inside], names[inside, None] == groups)
        excess += part_excess
        covariance += part_covariance
    return excess, covariance


def _excess(
    time: NDArray[np.float64], died: NDArray[np.bool_], member: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return observed minus expected deaths by group, (k,), and their hypergeometric covariance, (k, k), in one stratum."""
    moments = np.unique(time[died])
    at_risk = (time[None, :] >= moments[:, None]).astype(np.float64) @ member  # (n_moments, k)
    deaths = ((time[None, :] == moments[:, None]) & died[None, :]).astype(np.float64) @ member
    total, total_deaths = at_risk.sum(axis=1), deaths.sum(axis=1)
    share = at_risk / total[:, None]
    factor = total_deaths * (total - total_deaths) / np.maximum(total - 1, 1)
    covariance = np.diag(factor @ share) - (share * factor[:, None]).T @ share
    return (deaths - total_deaths[:, None] * share).sum(axis=0), covariance
