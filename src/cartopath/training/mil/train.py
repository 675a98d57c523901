"""Train many multiple-instance heads over the same bags: the only way into the loop (F60)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cartopath.models.mil.spec import MilSpec
from cartopath.models.mil.supertiles import supertiles
from cartopath.training.mil.bags import Bag, check_bags
from cartopath.training.mil.head import MilHead, Outcome
from cartopath.training.mil.jobs import Job, check_jobs, groups_of
from cartopath.training.mil.memory import jobs_at_once, tiles_in_memory
from cartopath.training.mil.scaling import FeatureScaling, scaling_of
from cartopath.training.mil.spec import MilTraining
from cartopath.training.mil.targets import Targets, targets_of

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False, slots=True)
class Trained:
    """One of the jobs that were trained.

    Attributes:
        position: Of the job in the sequence that was given.
        outcome: What became of it.
    """

    position: int
    outcome: Outcome


def train_heads(
    bags: Sequence[Bag],
    jobs: Sequence[Job],
    spec: MilSpec,
    recipe: MilTraining,
    *,
    threads: int | None = None,
    memory_bytes: int = 2 << 30,
    progress: Progress | None = None,
    device: str = "cpu",
) -> list[Outcome]:
    """Train all jobs and return what became of each, in their order.

    Jobs with the same training and validation bags are computed together, as many as fit in memory. Each has its own first
    weights, dropout and ending, so it learns what it would learn alone, within rounding. On a CPU of the same kind, the same
    arguments give the same bytes.

    Args:
        bags: Of all patients.
        jobs: What to learn from which of them.
        spec: What the heads are; `n_features` is the length of the features of the bags.
        recipe: How.
        threads: Of torch; None leaves them as they are.
        memory_bytes: What weights, tiles and what is computed on the way may take together, roughly; the heads that are returned
            come on top: see `iter_trained` for many.
        progress: Called now and then with the number of jobs that have ended and the number of all.
        device: `cpu`, `cuda`, `cuda:1`, ..., or `auto`: the first GPU if there is one.

    Raises:
        TrainingError: Bags or jobs cannot be trained on (see `check_bags`, `check_jobs`).
    """
    found: dict[int, Outcome] = {}
    for some in iter_trained(
        bags, jobs, spec, recipe, threads=threads, memory_bytes=memory_bytes, progress=progress, device=device
    ):
        found |= {each.position: each.outcome for each in some}
    return [found[position] for position in range(len(jobs))]


def iter_trained(
    bags: Sequence[Bag],
    jobs: Sequence[Job],
    spec: MilSpec,
    recipe: MilTraining,
    *,
    threads: int | None = None,
    memory_bytes: int = 2 << 30,
    progress: Progress | None = None,
    device: str = "cpu",
) -> Iterator[list[Trained]]:
    """Yield jobs as they are done, some at a time, so that a caller can use and forget them.

    Arguments and errors are those of `train_heads`.
    """
    check_bags(bags, spec.n_features)
    check_jobs(jobs, len(bags), spec)
    if spec.head == "transformer":
        bags = [Bag(bag.patient_id, supertiles(bag.features, spec.n_supertiles).means) for bag in bags]
    n_done = 0
    for group in groups_of(jobs):
        first = jobs[group[0]]
        scaling = scaling_of([bags[index] for index in first.train], components=recipe.components, seed=recipe.seed)
        head_spec = dataclasses.replace(spec, n_features=scaling.n_outputs)
        targets = targets_of([jobs[position] for position in group], spec, balance=recipe.balance)
        fit = _Group(bags, first, scaling, head_spec, recipe, memory_bytes=memory_bytes, device=device, threads=threads)
        fails = [row for row in range(len(group)) if targets.problems[row]]
        if fails:
            yield [Trained(group[row], _untrainable(jobs[group[row]], targets, row, head_spec, scaling)) for row in fails]
            n_done += len(fails)
        learns = [row for row in range(len(group)) if not targets.problems[row]]
        for start in range(0, len(learns), fit.at_once):
            rows = learns[start : start + fit.at_once]
            told = None if progress is None else _teller(progress, n_done, len(jobs))
            outcomes = fit([jobs[group[row]] for row in rows], targets.of_jobs(rows), told)
            n_done += len(rows)
            yield [Trained(group[row], outcome) for row, outcome in zip(rows, outcomes, strict=True)]


class _Group:
    """Jobs with the same bags, trained some at a time."""

    def __init__(
        self,
        bags: Sequence[Bag],
        job: Job,
        scaling: FeatureScaling,
        spec: MilSpec,
        recipe: MilTraining,
        *,
        memory_bytes: int,
        device: str,
        threads: int | None,
    ) -> None:
        from cartopath.training.mil.devices import device_of
        from cartopath.training.mil.loop import Together
        from cartopath.training.mil.tiles import BagTiles

        self._threads = threads
        train, validation = (np.asarray(some, np.int64) for some in (job.train, job.validation))
        tiles = BagTiles(bags, scaling, recipe, memory_bytes=tiles_in_memory(memory_bytes))
        self.at_once = jobs_at_once(spec, recipe, bags, train, memory_bytes=memory_bytes)
        self._together = Together(
            spec=spec,
            recipe=recipe,
            tiles=tiles,
            scaling=scaling,
            train=train,
            validation=validation,
            device=device_of(device),
        )

    def __call__(self, jobs: Sequence[Job], targets: Targets, ended: Callable[[int], None] | None) -> list[Outcome]:
        from cartopath.models import flushed_denormals
        from cartopath.training.inference import torch_threads
        from cartopath.training.mil.loop import fit_together

        with torch_threads(self._threads), flushed_denormals():
            return fit_together(jobs, targets, self._together, ended=ended)


def _teller(progress: Progress, n_before: int, n_jobs: int) -> Callable[[int], None]:
    return lambda n_ended: progress(n_before + n_ended, n_jobs)


def _untrainable(job: Job, targets: Targets, row: int, spec: MilSpec, scaling: FeatureScaling) -> Outcome:
    """Return a head that says the same of everybody."""
    from cartopath.models.mil import parameter_shapes

    weights = {name: np.zeros(shape, np.float32) for name, shape in parameter_shapes(spec).items()}
    head = MilHead(spec=spec, weights=weights, scaling=scaling, target_mean=targets.mean[row], target_sd=targets.sd[row])
    empty = np.zeros(0)
    return Outcome(
        name=job.name,
        head=head,
        train_losses=empty,
        validation_losses=empty,
        best_epoch=-1,
        ending="untrainable",
        reason=targets.problems[row],
    )
