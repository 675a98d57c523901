"""Shuffling through a buffer: what comes late can be drawn late only, so only what the buffer holds need be in memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def local_shuffle(flow: NDArray[np.int64], buffer: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return `flow` as it is drawn at random from a buffer that is filled from it.

    The buffer has `buffer` slots, which hold the first items. Each step draws a slot, gives what lies in it, and puts the next
    item there; when no item is left, the rest follows in random order. A buffer that holds everything makes it a uniform
    permutation.

    Args:
        flow: (n,) items in the order in which they come.
        buffer: Number of slots, at least 1.
        rng: Where chance comes from.

    Returns:
        (n,) the same items, each once. The item at position `t` is one of the first `t + buffer` of the flow.

    >>> local_shuffle(np.arange(5), 1, np.random.default_rng(0)).tolist()
    [0, 1, 2, 3, 4]
    >>> sorted(local_shuffle(np.arange(5), 3, np.random.default_rng(0)).tolist())
    [0, 1, 2, 3, 4]
    """
    buffer = min(buffer, len(flow))
    slots = rng.integers(buffer, size=len(flow) - buffer)
    # What a step takes was put there by the last step before it with the same slot, or has been there from the start.
    steps = np.argsort(slots, kind="stable")
    ordered = slots[steps]
    is_first = np.r_[True, ordered[1:] != ordered[:-1]][: len(steps)]
    taken = np.empty(len(steps), np.int64)
    taken[steps] = np.where(is_first, ordered, buffer + np.roll(steps, 1))
    rest = np.arange(buffer)
    is_last = np.roll(is_first, -1)
    rest[ordered[is_last]] = buffer + steps[is_last]
    drawn: NDArray[np.int64] = flow[np.concatenate([taken, rng.permutation(rest)])]
    return drawn


def rank_within(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how often the group of each element occurred before it.

    >>> rank_within(np.array([5, 7, 5, 5, 7])).tolist()
    [0, 0, 1, 2, 1]
    """
    by_group = np.argsort(groups, kind="stable")
    ordered = groups[by_group]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    lengths = np.diff(np.r_[starts, len(groups)])
    ranks = np.empty(len(groups), np.int64)
    ranks[by_group] = np.arange(len(groups)) - np.repeat(starts, lengths)
    return ranks
