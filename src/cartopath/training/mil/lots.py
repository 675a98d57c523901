"""Lots of jobs: what is computed together, ready to be called."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from cartopath.models import flushed_denormals
from cartopath.models.mil import MilSpec, parameter_shapes
from cartopath.training.mil.bags import Bag
from cartopath.training.mil.head import MilHead, Outcome
from cartopath.training.mil.jobs import Job
from cartopath.training.mil.loop import Together, fit_together
from cartopath.training.mil.memory import Group, Plan
from cartopath.training.mil.parallel import Telling
from cartopath.training.mil.scaling import scaling_of
from cartopath.training.mil.spec import MilTraining
from cartopath.training.mil.targets import Targets, targets_of
from cartopath.training.mil.tiles import BagTiles


@dataclass(frozen=True, eq=False, slots=True)
class Trained:
    """One of the jobs that were trained.

    Attributes:
        position: Of the job in the sequence that was given.
        outcome: What became of it.
    """

    position: int
    outcome: Outcome


def lots_of(
    bags: Sequence[Bag],
    jobs: Sequence[Job],
    spec: MilSpec,
    recipe: MilTraining,
    plan: Plan,
    *,
    device: torch.device,
    telling: Telling,
) -> Iterator[Callable[[], list[Trained]]]:
    """Yield what to call for each lot of jobs; what the jobs of a group share is prepared just before its first lot."""
    for group in plan.groups:
        own = [jobs[position] for position in group.positions]
        together = _together(bags, own[0], spec, recipe, plan, device)
        targets = targets_of(own, spec, balance=recipe.balance)
        for rows in _divided(targets, group):
            yield _Lot(
                [group.positions[row] for row in rows], [own[row] for row in rows], targets.of_jobs(rows), together, telling
            )


def _divided(targets: Targets, group: Group) -> Iterator[list[int]]:
    """Yield the rows of each lot, first those of jobs that cannot be trained."""
    hopeless = [row for row, problem in enumerate(targets.problems) if problem]
    learns = [row for row, problem in enumerate(targets.problems) if not problem]
    if hopeless:
        yield hopeless
    for first in range(0, len(learns), group.lot):
        yield learns[first : first + group.lot]


def _together(bags: Sequence[Bag], job: Job, spec: MilSpec, recipe: MilTraining, plan: Plan, device: torch.device) -> Together:
    scaling = scaling_of([bags[index] for index in job.train], components=recipe.components, seed=recipe.seed)
    return Together(
        spec=dataclasses.replace(spec, n_features=scaling.n_outputs),
        recipe=recipe,
        tiles=BagTiles(bags, scaling, recipe, memory_bytes=plan.bytes_of_tiles),
        scaling=scaling,
        train=np.asarray(job.train, np.int64),
        validation=np.asarray(job.validation, np.int64),
        device=device,
    )


@dataclass(frozen=True, eq=False, slots=True)
class _Lot:
    """Jobs that are trained together; all of them can be trained, or none."""

    positions: list[int]
    jobs: list[Job]
    targets: Targets
    together: Together
    telling: Telling

    def __call__(self) -> list[Trained]:
        tell = self.telling.of_lot()
        if self.targets.problems[0]:
            outcomes = [self._untrained(row) for row in range(len(self.jobs))]
            tell(len(self.jobs))
        else:
            with flushed_denormals():
                outcomes = fit_together(self.jobs, self.targets, self.together, ended=tell)
        return [Trained(position, outcome) for position, outcome in zip(self.positions, outcomes, strict=True)]

    def _untrained(self, row: int) -> Outcome:
        """Return a head that says the same of everybody."""
        shapes = parameter_shapes(self.together.spec)
        head = MilHead(
            spec=self.together.spec,
            weights={name: np.zeros(shape, np.float32) for name, shape in shapes.items()},
            scaling=self.together.scaling,
            target_mean=self.targets.mean[row],
            target_sd=self.targets.sd[row],
        )
        return Outcome(
            name=self.jobs[row].name,
            head=head,
            train_losses=np.zeros(0),
            validation_losses=np.zeros(0),
            best_epoch=-1,
            ending="untrainable",
            reason=self.targets.problems[row],
        )
