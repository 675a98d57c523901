import numpy as np
import pytest

from cartopath.core.errors import StatisticsError
from cartopath.stats import DAYS_PER_YEAR, censor_at, kaplan_meier, logrank

TEN_YEARS = 10 * DAYS_PER_YEAR


def test_a_death_after_the_horizon_is_not_seen():
    seen = censor_at([12 * DAYS_PER_YEAR], [1], horizon=TEN_YEARS)
    assert (seen.times.tolist(), seen.events.tolist()) == ([TEN_YEARS], [False])


def test_a_death_at_the_horizon_is_not_seen():
    assert censor_at([TEN_YEARS], [1], horizon=TEN_YEARS).events.tolist() == [False]


def test_what_happens_before_the_horizon_is_kept():
    seen = censor_at([100.0, 200.0], [1, 0], horizon=TEN_YEARS)
    assert (seen.times.tolist(), seen.events.tolist()) == ([100.0, 200.0], [True, False])


@pytest.mark.parametrize("horizon", [0, None])
def test_no_horizon_changes_nothing(horizon):
    seen = censor_at([1e5], [1], horizon=horizon)
    assert (seen.times.tolist(), seen.events.tolist()) == ([1e5], [True])


@pytest.mark.parametrize("horizon", [-1.0, float("nan")])
def test_an_impossible_horizon_is_refused(horizon):
    with pytest.raises(StatisticsError, match="'horizon' parameter"):
        censor_at([1.0], [1], horizon=horizon)


@pytest.mark.parametrize("statistic", [lambda t, e: kaplan_meier(t, e), lambda t, e: logrank(t, e, ["a"] * len(t))])
@pytest.mark.parametrize(
    ("times", "events", "message"),
    [
        ([-1.0, 2.0], [1, 0], "cannot be negative"),
        ([np.nan, 2.0], [1, 0], "not a finite number"),
        ([1.0, 2.0], [1, 2], "expected only 0 and 1"),
        ([1.0], [1, 0], "time_days 1, event 2"),
        ([1.0, 2.0], ["DECEASED", "LIVING"], "expected numbers"),
    ],
)
def test_impossible_follow_up_is_refused_everywhere(statistic, times, events, message):
    with pytest.raises(StatisticsError, match=message):
        statistic(times, events)
