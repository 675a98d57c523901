"""Taking turns and comparing within each turn."""

import contextlib

import pytest

from cartopath.benchmark import Contender, Race, race
from cartopath.core.errors import ConfigError


class Clock:
    """A clock that only moves when work is done."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def contender(self, name, *, seconds, n_items=10, log=None):
        @contextlib.contextmanager
        def opened():
            self.now += 100.0  # preparing, which must not count

            def work():
                self.now += seconds() if callable(seconds) else seconds
                if log is not None:
                    log.append(name)
                return n_items

            yield work
            self.now += 100.0  # closing, likewise

        return Contender(name, opened)


def test_contenders_take_turns():
    clock, log = Clock(), []
    race([clock.contender(name, seconds=1.0, log=log) for name in "AB"], seconds=0.0, clock=clock)
    assert "".join(log) == "AB" * 4


def test_preparing_and_closing_are_not_timed():
    clock = Clock()
    found = race([clock.contender("A", seconds=2.0)], seconds=0.0, clock=clock)
    assert found.rates == {"A": (5.0, 5.0, 5.0)}


def test_the_round_that_warms_up_is_left_out():
    clock = Clock()
    durations = iter([50.0, 1.0, 1.0, 1.0])
    found = race([clock.contender("A", seconds=lambda: next(durations))], seconds=0.0, clock=clock)
    assert found.rate("A") == 10.0


def test_as_many_rounds_are_made_as_fit_in_the_time():
    clock = Clock()
    found = race([clock.contender("A", seconds=1.0)], seconds=10 * 201.0, clock=clock)
    assert found.n_rounds == 9  # and one that warms up


def test_there_is_an_end_to_rounds():
    clock = Clock()
    assert race([clock.contender("A", seconds=1.0)], seconds=1e9, clock=clock).n_rounds == 25


def test_a_disturbance_that_both_share_leaves_the_ratio_alone():
    quiet, busy = 1.0, 7.0
    found = Race({"fast": (8 / quiet, 8 / busy, 8 / quiet), "slow": (2 / quiet, 2 / busy, 2 / quiet)})
    ratio = found.ratio("fast", "slow")
    assert (ratio.low, ratio.median, ratio.high) == pytest.approx((4.0, 4.0, 4.0))


def test_the_spread_is_the_distance_of_the_quartiles():
    ratio = Race({"a": (1.0, 2.0, 3.0), "b": (1.0, 1.0, 1.0)}).ratio("a", "b")
    assert ratio.spread == pytest.approx((2.5 - 1.5) / 2.0)
    assert str(ratio) == "2.00 (1.50-2.50)"


def test_work_can_say_itself_how_long_it_took():
    clock = Clock()
    found = race([clock.contender("A", seconds=2.0)], seconds=0.0, clock=clock, timed=lambda: 0.5)
    assert found.rate("A") == 20.0


@pytest.mark.parametrize("names", ["", "AA"])
def test_a_race_needs_different_contenders(names):
    clock = Clock()
    with pytest.raises(ConfigError, match="different names"):
        race([clock.contender(name, seconds=1.0) for name in names], seconds=0.0, clock=clock)
