"""Follow-up times: what a survival function accepts, and administrative censoring."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cartopath.core.errors import StatisticsError
from cartopath.stats.inputs import binary, numbers, same_length

DAYS_PER_YEAR = 365.25


@dataclass(frozen=True, eq=False)
class FollowUp:
    """How long patients were observed, and how it ended.

    Attributes:
        times: (n,) days.
        events: (n,) booleans, true where the patient died at that time.
    """

    times: NDArray[np.float64]
    events: NDArray[np.bool_]


def censor_at(time_days: ArrayLike, event: ArrayLike, *, horizon: float | None) -> FollowUp:
    """Return the follow-up cut off at a horizon [A13]: later times become the horizon, and events at or after it are not seen.

    Args:
        time_days: (n,) follow-up in days, 0 or more.
        event: (n,) 1 where the patient died.
        horizon: Days after which observation ends; 0 or None for never. Ten years is `10 * DAYS_PER_YEAR`.

    Raises:
        StatisticsError: The horizon is negative, or a time or event is missing or impossible.

    >>> seen = censor_at([12 * DAYS_PER_YEAR, 400.0], [1, 1], horizon=10 * DAYS_PER_YEAR)
    >>> seen.times.tolist(), seen.events.tolist()
    ([3652.5, 400.0], [False, True])
    """
    time, died = follow_up(time_days, event, "censor_at")
    if horizon is not None and not horizon >= 0:
        raise StatisticsError(f"The 'horizon' parameter must be 0 or more. Got {horizon!r} instead.")
    if not horizon:
        return FollowUp(time, died)
    return FollowUp(np.minimum(time, horizon), died & (time < horizon))


def follow_up(time_days: ArrayLike, event: ArrayLike, caller: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return checked follow-up times in days and events.

    Raises:
        StatisticsError: Lengths differ, a time is missing or negative, or an event is neither 0 nor 1.

    >>> follow_up([3.0, 5.0], [1, 0], "doctest")[1].tolist()
    [True, False]
    """
    time, died = numbers(time_days, f"{caller}: time_days"), binary(event, f"{caller}: event")
    same_length(time_days=time, event=died)
    if (time < 0).any():
        first = int(np.flatnonzero(time < 0)[0])
        raise StatisticsError(f"{caller}: time_days is {time[first]:g} at position {first}; follow-up cannot be negative")
    return time, died
