"""Jobs: which head learns what from whom. Jobs over the same bags are trained together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cartopath.core.errors import TrainingError
from cartopath.models.mil.spec import MilSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, slots=True)
class Job:
    """One head to train.

    Attributes:
        name: For messages and tables, such as gene and fold.
        targets: (n_bags,), or (n_bags, n_outputs); NaN where a patient was not measured. For survival (n_bags, 2): time and event
            (1 died, 0 did not).
        train: Indices of the bags to learn from.
        validation: Indices of others, which decide when training ends and which epoch is kept; none: the last epoch is kept.
        stream: Names under which this job draws its random numbers from the seed; none: its name.
    """

    name: str
    targets: NDArray[Any]
    train: Sequence[int] | NDArray[np.int64]
    validation: Sequence[int] | NDArray[np.int64] = ()
    stream: tuple[str | int, ...] = ()

    @property
    def streams(self) -> tuple[str | int, ...]:
        """Names of this job's random numbers."""
        return self.stream or (self.name,)

    def matrix(self, target: str) -> NDArray[np.float64]:
        """Return targets as (n_bags, n_outputs), or (n_bags, 2) for survival."""
        values = np.asarray(self.targets, np.float64)
        return values[:, None] if values.ndim == 1 and target != "survival" else values


def check_jobs(jobs: Sequence[Job], n_bags: int, spec: MilSpec) -> None:
    """Check jobs against the bags.

    Raises:
        TrainingError: A target has the wrong shape or values its kind cannot have, an index is no bag or stands in both sets,
            nobody is to be learned from, or two jobs draw the same random numbers.
    """
    for job in jobs:
        _check_sets(job, n_bags)
        _check_targets(job, n_bags, spec)
    drawn = Counter(job.streams for job in jobs).most_common(1)
    if drawn and drawn[0][1] > 1:
        raise TrainingError(f"{drawn[0][1]} jobs draw from the stream {drawn[0][0]}; give each its own 'stream' or name")


def groups_of(jobs: Sequence[Job]) -> list[list[int]]:
    """Return the positions of jobs with the same training and validation bags, group by group."""
    found: dict[tuple[tuple[int, ...], tuple[int, ...]], list[int]] = {}
    for position, job in enumerate(jobs):
        sets = (tuple(int(i) for i in job.train), tuple(int(i) for i in job.validation))
        found.setdefault(sets, []).append(position)
    return list(found.values())


def _check_sets(job: Job, n_bags: int) -> None:
    train, validation = ({int(i) for i in some} for some in (job.train, job.validation))
    if not train:
        raise TrainingError(f"{job.name}: no bag to learn from")
    if min(train | validation) < 0 or max(train | validation) >= n_bags:
        raise TrainingError(f"{job.name}: bags {min(train | validation)} to {max(train | validation)} are asked for, of {n_bags}")
    if len(train) < len(job.train) or len(validation) < len(job.validation) or train & validation:
        raise TrainingError(f"{job.name}: a bag stands twice in training and validation together; split by patient")


def _check_targets(job: Job, n_bags: int, spec: MilSpec) -> None:
    values = job.matrix(spec.target)
    width = 2 if spec.target == "survival" else spec.n_outputs
    if values.shape != (n_bags, width):
        raise TrainingError(f"{job.name}: targets must be {(n_bags, width)} for {spec.target}. Got {values.shape}.")
    known = values[np.isfinite(values)]
    if np.isinf(values).any():
        raise TrainingError(f"{job.name}: a target is infinite; leave it out (NaN)")
    if spec.target in ("classification", "ordinal"):
        levels = 2 if spec.target == "classification" else spec.n_levels
        wrong = known[~np.isin(known, np.arange(levels))]
        if len(wrong):
            raise TrainingError(f"{job.name}: targets must be 0 to {levels - 1} or missing. Got {wrong[0]:g}.")
    if spec.target == "survival":
        _check_survival(job.name, values)


def _check_survival(name: str, values: NDArray[np.float64]) -> None:
    times, events = values[np.isfinite(values).all(1)].T
    if (times < 0).any() or not np.isin(events, (0, 1)).all():
        raise TrainingError(f"{name}: survival needs times from 0 and events of 0 or 1; look at the clinical table")
