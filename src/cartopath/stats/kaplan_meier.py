"""Kaplan-Meier curves with 95 % bands, and the numbers at risk below them. lifelines does the estimating."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cartopath.core.errors import StatisticsError
from cartopath.stats.follow_up import follow_up
from cartopath.stats.inputs import Names, names_of, same_length

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class KaplanMeier:
    """The survival of one group over time.

    Attributes:
        table: One row per distinct time, the first at 0: time (days), survival, low, high (95 % band by the log-log transform),
            at_risk (just before the time), events and censored (at the time).
        n: Patients.
        events: Deaths.
        median_days: First time at which survival is at or below one half, None where it never is.
    """

    table: pd.DataFrame
    n: int
    events: int
    median_days: float | None

    def survival_at(self, days: ArrayLike) -> NDArray[np.float64]:
        """Return the survival at these times; beyond the last follow-up the curve is taken as level."""
        times = self.table["time"].to_numpy()
        steps: NDArray[np.float64] = self.table["survival"].to_numpy()
        return steps[np.maximum(np.searchsorted(times, np.asarray(days, dtype=np.float64), side="right") - 1, 0)]


def kaplan_meier(time_days: ArrayLike, event: ArrayLike) -> KaplanMeier:
    """Return the Kaplan-Meier estimate of survival with its 95 % band.

    Args:
        time_days: (n,) follow-up in days, 0 or more.
        event: (n,) 1 where the patient died at that time, 0 where follow-up ended alive.

    Raises:
        StatisticsError: There are no patients, or a time or event is missing or impossible.

    >>> curve = kaplan_meier([1, 2, 3, 4], [1, 0, 1, 1])
    >>> curve.table["survival"].round(4).tolist(), curve.table["at_risk"].tolist(), curve.median_days
    ([1.0, 0.75, 0.75, 0.375, 0.0], [4, 4, 3, 2, 1], 3.0)
    """
    from lifelines import KaplanMeierFitter

    time, died = follow_up(time_days, event, "kaplan_meier")
    if time.size == 0:
        raise StatisticsError("kaplan_meier: no patients")
    fitter = KaplanMeierFitter().fit(time, died)
    survival = fitter.survival_function_.iloc[:, 0]
    band = fitter.confidence_interval_survival_function_
    counts = fitter.event_table
    table = counts[["at_risk", "observed", "censored"]].reset_index(names="time").rename(columns={"observed": "events"})
    table = table.assign(survival=survival.to_numpy(), low=band.iloc[:, 0].to_numpy(), high=band.iloc[:, 1].to_numpy())
    whole = {column: table[column].astype(np.int64) for column in ("at_risk", "events", "censored")}
    table = table.assign(**whole)[["time", "survival", "low", "high", "at_risk", "events", "censored"]]
    median = float(fitter.median_survival_time_)
    return KaplanMeier(table, int(time.size), int(died.sum()), median if np.isfinite(median) else None)


def at_risk_table(time_days: ArrayLike, group: Names, times: Sequence[float]) -> pd.DataFrame:
    """Return how many patients of each group are still followed just before each time: the rows below a survival plot.

    Args:
        time_days: (n,) follow-up in days.
        group: (n,) groups; rows with "" or a missing group are left out.
        times: Days at which to count.

    Returns:
        Column group, sorted by name, then one column per time, named by the time.

    Raises:
        StatisticsError: The lengths differ, or a time is missing or negative.

    >>> at_risk_table([100, 400, 900], ["low", "high", "high"], [0, 365, 730]).to_numpy().tolist()
    [['high', 2, 2, 1], ['low', 1, 0, 0]]
    """
    import pandas as pd

    time, _ = follow_up(time_days, np.zeros(len(np.asarray(time_days)), dtype=bool), "at_risk_table")
    names = names_of(group, "at_risk_table: group")
    same_length(time_days=time, group=names)
    found = [str(name) for name in np.unique(names) if name]
    columns: dict[float, list[int]] = {when: [int((time[names == name] >= when).sum()) for name in found] for when in times}
    return pd.DataFrame(columns).assign(group=found)[["group", *columns]]
