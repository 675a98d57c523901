"""Train many multiple-instance heads over the same bags: the only way into the loop (F60)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING

from cartopath.core.cores import usable_cores
from cartopath.models.mil.spec import MilSpec
from cartopath.models.mil.supertiles import supertiles
from cartopath.training.mil.bags import Bag, check_bags
from cartopath.training.mil.head import Outcome
from cartopath.training.mil.jobs import Job, check_jobs
from cartopath.training.mil.memory import plan_of
from cartopath.training.mil.parallel import Telling, in_threads
from cartopath.training.mil.spec import MilTraining

if TYPE_CHECKING:
    from cartopath.training.mil.lots import Trained

Progress = Callable[[int, int], None]


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
    bags, jobs, recipe and memory give the same bytes, whatever the number of threads.

    Args:
        bags: Of all patients.
        jobs: What to learn from which of them.
        spec: What the heads are; `n_features` is the length of the features of the bags.
        recipe: How.
        threads: How many lots of jobs are trained side by side, a thread each; None for one per core. A GPU takes one at a time.
        memory_bytes: What weights, tiles and what is computed on the way may take together, roughly; the heads that are returned
            come on top: see `iter_trained` for many.
        progress: Called now and then with the number of jobs that have ended and the number of all.
        device: `cpu`, `cuda`, `cuda:1`, ..., or `auto`: the first GPU if there is one.

    Raises:
        TrainingError: Bags or jobs cannot be trained on (see `check_bags`, `check_jobs`).
    """
    arguments = {"threads": threads, "memory_bytes": memory_bytes, "progress": progress, "device": device}
    found: dict[int, Outcome] = {}
    for some in iter_trained(bags, jobs, spec, recipe, **arguments):  # type: ignore[arg-type]
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
) -> Generator[list[Trained]]:
    """Yield jobs as they are done, some at a time, so that a caller can use and forget them.

    Arguments and errors are those of `train_heads`. While this goes on, torch computes with one thread per lot of jobs, in the
    caller too.
    """
    from cartopath.training.inference import torch_threads
    from cartopath.training.mil.devices import device_of
    from cartopath.training.mil.lots import lots_of

    check_bags(bags, spec.n_features)
    check_jobs(jobs, len(bags), spec)
    if spec.head == "transformer":
        bags = [Bag(bag.patient_id, supertiles(bag.features, spec.n_supertiles).means) for bag in bags]
    where = device_of(device)
    on_gpu = where.type != "cpu"
    plan = plan_of(jobs, bags, spec, recipe, memory_bytes=memory_bytes, threads=threads or usable_cores(), on_gpu=on_gpu)
    telling = Telling(progress, len(jobs))
    lots = lots_of(bags, jobs, spec, recipe, plan, device=where, telling=telling)
    with torch_threads(None if on_gpu else 1), contextlib.closing(in_threads(lots, plan.lots_at_once)) as done:
        try:
            yield from done
        finally:
            telling.stop()
