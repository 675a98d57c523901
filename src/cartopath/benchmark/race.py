"""Comparing speeds fairly: contenders take turns in one process, and what is reported is the ratio within each turn.

On a machine that does other work too, a rate says little; two pieces of work done right after one another share what disturbs
them, so the median of their ratios is steady where the rates are not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from cartopath.core.errors import ConfigError

Work = Callable[[], int]
"""Does a piece of work once and returns how many items (tiles, steps) it was."""

MIN_ROUNDS, MAX_ROUNDS = 3, 25


@dataclass(frozen=True)
class Contender:
    """One way to do the work.

    Attributes:
        name: What it is called in results.
        opened: Prepares one turn, such as opening the slide afresh, and gives the work; neither preparing nor closing is timed.
    """

    name: str
    opened: Callable[[], AbstractContextManager[Work]]


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times faster one contender is than another, over the rounds.

    Attributes:
        median: Of the rounds.
        low: First quartile.
        high: Third quartile.
    """

    median: float
    low: float
    high: float

    @property
    def spread(self) -> float:
        """Distance of the quartiles as a share of the median."""
        return (self.high - self.low) / self.median

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f}-{self.high:.2f})"


@dataclass(frozen=True)
class Race:
    """What came out: items per second of each contender in each round, without the round that warmed up."""

    rates: dict[str, tuple[float, ...]]

    @property
    def n_rounds(self) -> int:
        """Rounds that were measured."""
        return len(next(iter(self.rates.values())))

    def rate(self, name: str) -> float:
        """Return the median rate of a contender, items per second."""
        return float(np.median(self.rates[name]))

    def ratio(self, name: str, reference: str) -> Ratio:
        """Return how many times faster `name` is than `reference`, from the ratio of each round.

        >>> Race({"a": (2.0, 4.0, 6.0), "b": (1.0, 2.0, 2.0)}).ratio("a", "b").median
        2.0
        """
        quotients = np.divide(self.rates[name], self.rates[reference])
        low, median, high = np.percentile(quotients, [25, 50, 75])
        return Ratio(float(median), float(low), float(high))


def race(
    contenders: Sequence[Contender],
    *,
    seconds: float,
    clock: Callable[[], float] = time.perf_counter,
    timed: Callable[[], float] | None = None,
) -> Race:
    """Let contenders take turns, A B C A B C ..., and measure each turn.

    One round warms up: libraries load, the file comes into memory. It also tells how many rounds fit in the time.

    Args:
        contenders: Who takes part, each under a name of its own.
        seconds: About how long all rounds together may take; at least three rounds are made however long they take.
        clock: Seconds.
        timed: What part of the last piece of work counts, in seconds, where it is not all of it.

    Raises:
        ConfigError: There is nothing to compare.
    """
    if not contenders or len({contender.name for contender in contenders}) < len(contenders):
        raise ConfigError(f"a race needs contenders of different names. Got {[contender.name for contender in contenders]!r}.")
    began = clock()
    for contender in contenders:
        _turn(contender, clock, timed)
    n_rounds = int(np.clip(seconds / max(clock() - began, 1e-9) - 1, MIN_ROUNDS, MAX_ROUNDS))
    rates: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for _ in range(n_rounds):
        for contender in contenders:
            rates[contender.name].append(_turn(contender, clock, timed))
    return Race({name: tuple(values) for name, values in rates.items()})


def _turn(contender: Contender, clock: Callable[[], float], timed: Callable[[], float] | None) -> float:
    """Return items per second of one turn."""
    with contender.opened() as work:
        began = clock()
        n_items = work()
        took = clock() - began if timed is None else timed()
        return n_items / max(took, 1e-9)
