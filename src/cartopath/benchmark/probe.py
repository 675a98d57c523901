"""What is found out before anything is measured: whether tiles can be decoded at all, and how many of them fit in the time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np

from cartopath.benchmark.race import MIN_ROUNDS, Contender
from cartopath.benchmark.readers import Job
from cartopath.benchmark.sample import middle
from cartopath.slides import iter_tiles

FEWEST_TILES = 16
"""That a turn reads, however slow they are."""
_TURNS = MIN_ROUNDS + 2
"""That every contender takes at least: one to see whether it can, one to warm up, and those that count."""


@dataclass(frozen=True, slots=True)
class Readable:
    """How many tiles can be decoded. Two of them add up.

    Attributes:
        n_tiles: Read.
        n_unreadable: Of them, that cannot be decoded.
    """

    n_tiles: int
    n_unreadable: int

    def __add__(self, other: Readable) -> Readable:
        return Readable(self.n_tiles + other.n_tiles, self.n_unreadable + other.n_unreadable)


def readable(job: Job, *, seconds: float, clock: Callable[[], float] = time.perf_counter) -> Readable:
    """Read the tiles of a job, as many as can be read in the time, and count those that cannot be decoded.

    Args:
        job: What to read.
        seconds: After which no more is read, but at least 16 tiles.
        clock: Seconds.
    """
    sample, n_tiles, n_unreadable = job.sample, 0, 0
    until = clock() + seconds
    with job.open() as slide:
        tiles = iter_tiles(
            slide,
            sample.xy_px0,
            window_px0=sample.window_px0,
            size_px=sample.size_px,
            batch_size=FEWEST_TILES,
            threads=job.threads,
        )
        with closing(tiles):
            for batch in tiles:
                n_tiles += len(batch.is_readable)
                n_unreadable += int((~batch.is_readable).sum())
                if clock() >= until:
                    break
    return Readable(n_tiles, n_unreadable)


def in_time(
    job: Job,
    contenders: Callable[[Job], Sequence[Contender]],
    *,
    seconds: float,
    clock: Callable[[], float] = time.perf_counter,
) -> Job:
    """Return the job with so many of its tiles that all contenders can take all their turns in the time.

    Every contender takes one turn with 16 tiles, which tells what it needs to open a slide and what it needs per tile.

    Args:
        job: All tiles that might be read.
        contenders: Makes those that will read a job; each can.
        seconds: For a race of them. With 16 tiles a turn it takes as long as it takes.
        clock: Seconds.
    """
    per_round = per_tile = 0.0
    for contender in contenders(with_tiles(job, FEWEST_TILES)):
        began = clock()
        with contender.opened() as work:
            opened = clock()
            n_tiles = work()
            worked = clock() - opened
        per_tile += worked / n_tiles
        per_round += clock() - began - worked
    affordable = (seconds / _TURNS - per_round) / max(per_tile, 1e-9)
    return with_tiles(job, int(np.clip(affordable, FEWEST_TILES, job.sample.n_tiles)))


def with_tiles(job: Job, n_tiles: int) -> Job:
    """Return the same job for about so many tiles, those in the middle."""
    return replace(job, sample=middle(job.sample, n_tiles))
