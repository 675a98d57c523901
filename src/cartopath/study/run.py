"""Running the stages of a study: plan a stage, keep what is done, run the rest, write receipts and the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import yaml

from cartopath.core.errors import CartopathError, ConfigError, closest
from cartopath.core.locations import as_path, is_remote
from cartopath.store.atomic import sweep_temporary, write_text
from cartopath.study.config import StudyConfig
from cartopath.study.executors import Executor, SerialExecutor, make_executor
from cartopath.study.layout import Layout
from cartopath.study.ledger import log_outcome, log_start
from cartopath.study.study_file import read_config, study_file
from cartopath.study.tasks import Outcome, Task, is_done, read_receipt, write_receipt


@dataclass(frozen=True)
class Study:
    """A study file and the folder it lies in.

    Attributes:
        config: What the file says.
        root: The folder; paths of the file are relative to it, and everything is written below it.
        redraw_splits: Whether splits may be drawn anew when the patients have changed.
    """

    config: StudyConfig
    root: Path
    redraw_splits: bool = False

    @classmethod
    def read(cls, path: Path | str) -> Study:
        """Read the study at a folder or study file.

        Raises:
            ConfigError: It is missing or wrong.
        """
        file = study_file(path)
        return cls(read_config(file), file.resolve().parent)

    @property
    def layout(self) -> Layout:
        """Where its files lie."""
        return Layout(self.root)

    def path(self, relative: Path) -> Path:
        """Return a path of the study file as an absolute path; a URL as what `as_path` makes of it."""
        relative = as_path(relative)
        if is_remote(relative):
            return relative
        return relative.expanduser() if relative.expanduser().is_absolute() else self.root / relative.expanduser()


@dataclass(frozen=True)
class Stage:
    """One step of a recipe.

    Attributes:
        name: Its name, for `--until` and the ledger.
        plan: Returns its tasks, given the study; called when all earlier stages have run.
        what: One line for people.
    """

    name: str
    plan: Callable[[Study], Sequence[Task]]
    what: str


class Watcher(Protocol):
    """Sees a run as it goes: the progress bars of the command line, or nothing."""

    def stage_started(self, stage: Stage, n_tasks: int, n_kept: int) -> None:
        """A stage begins: so many tasks, of which so many are done already."""
        ...

    def task_ended(self, outcome: Outcome) -> None:
        """A task was done or failed."""
        ...

    def stage_ended(self, stage: Stage) -> None:
        """All tasks of a stage have ended."""
        ...

    def news(self, event: dict[str, Any]) -> None:
        """A running task says how far it is."""
        ...


class Silent:
    """A watcher that does not look."""

    def stage_started(self, stage: Stage, n_tasks: int, n_kept: int) -> None:
        """Ignore it."""

    def task_ended(self, outcome: Outcome) -> None:
        """Ignore it."""

    def stage_ended(self, stage: Stage) -> None:
        """Ignore it."""

    def news(self, event: dict[str, Any]) -> None:
        """Ignore it."""


@dataclass(frozen=True)
class RunSummary:
    """What a run did.

    Attributes:
        n_done: Tasks that ran and succeeded.
        n_kept: Tasks that were done already.
        failed: Outcomes of tasks that failed.
    """

    n_done: int
    n_kept: int
    failed: list[Outcome] = field(default_factory=list)

    def __add__(self, other: RunSummary) -> RunSummary:
        return RunSummary(self.n_done + other.n_done, self.n_kept + other.n_kept, [*self.failed, *other.failed])


_ABANDONED_S = 3600.0
"""Temporary files that nobody wrote to for so long are from a killed run; other machines may work on the same study."""


class TaskFailedError(CartopathError, RuntimeError):
    """A task that everything after it needs has failed."""


@dataclass(frozen=True)
class Selection:
    """Which trainings and predictions to run, to spread them over machines; empty for all.

    Attributes:
        traits: Only these traits; the run then ends after prediction.
        rounds: Only these rounds; the run then ends after training.
    """

    traits: frozenset[str] = frozenset()
    rounds: frozenset[int] = frozenset()

    def wants(self, task: Task) -> bool:
        """Whether a task is to run."""
        is_other_trait = bool(self.traits) and task.trait is not None and task.trait not in self.traits
        return not is_other_trait and (not self.rounds or task.round_ is None or task.round_ in self.rounds)


def run_study(
    study: Study,
    stages: Sequence[Stage],
    *,
    until: str | None = None,
    select: Selection | None = None,
    watcher: Watcher | None = None,
) -> RunSummary:
    """Run the stages of a recipe in order, doing only what is missing or changed.

    Args:
        study: The study.
        stages: The recipe.
        until: Name of the last stage to run.
        select: Run only the trainings and predictions of some traits or rounds.
        watcher: Sees it go.

    Raises:
        ConfigError: No stage is called `until`.
        TaskFailedError: A task failed without which the rest cannot be.
    """
    select = select or Selection()
    last = _last_stage(stages, until, select)
    watcher = watcher or Silent()
    sweep_temporary(study.root, older_than_s=_ABANDONED_S)
    log_start(study.layout.ledger, name=study.config.name, seed=study.config.seed)
    write_lock(study)
    summary = RunSummary(0, 0)
    with make_executor(study.config.compute, watcher.news) as executor:
        for stage in stages:
            tasks = [task for task in stage.plan(study) if select.wants(task)]
            summary += run_tasks(stage, tasks, study.layout, executor, watcher)
            if stage.name == last:
                break
    return summary


def _last_stage(stages: Sequence[Stage], until: str | None, select: Selection) -> str | None:
    names = [stage.name for stage in stages]
    if until is not None and until not in names:
        near = closest(until, names, n=1)
        raise ConfigError(f"no stage {until!r}; {f'did you mean {near[0]!r}? ' if near else ''}stages: {', '.join(names)}")
    limit = "train" if select.rounds else "predict" if select.traits else None
    if limit is None:
        return until
    return limit if until is None or names.index(until) > names.index(limit) else until


def run_tasks(stage: Stage, tasks: Sequence[Task], layout: Layout, executor: Executor, watcher: Watcher) -> RunSummary:
    """Run the tasks of a stage that are not done, with a receipt for each that succeeds and a line in the ledger for each.

    Raises:
        TaskFailedError: A task failed without which the rest cannot be.
    """
    pending = [task for task in tasks if not is_done(task, layout)]
    n_kept, failed = len(tasks) - len(pending), []
    watcher.stage_started(stage, len(tasks), n_kept)
    for outcome in _outcomes(pending, executor, watcher):
        log_outcome(layout.ledger, outcome)
        if outcome.is_ok:
            write_receipt(outcome.task, layout, outcome.figures)
        else:
            layout.receipt(outcome.task.stage, outcome.task.name).unlink(missing_ok=True)
            failed.append(outcome)
        watcher.task_ended(outcome)
        if not outcome.is_ok and outcome.task.is_fatal:
            raise TaskFailedError(f"{stage.name}: {outcome.task.name}: {outcome.reason}")
    watcher.stage_ended(stage)
    return RunSummary(len(pending) - len(failed), n_kept, failed)


def _outcomes(pending: Sequence[Task], executor: Executor, watcher: Watcher) -> Iterator[Outcome]:
    yield from SerialExecutor(watcher.news).run([task for task in pending if task.is_local])
    yield from executor.run([task for task in pending if not task.is_local])


def completed_key(layout: Layout, stage: str, name: str) -> str | None:
    """Return the key under which a task was last done, or None where it is not done."""
    receipt = read_receipt(layout, stage, name)
    return None if receipt is None else str(receipt["key"])


def completed_figures(layout: Layout, stage: str, name: str) -> dict[str, Any]:
    """Return what a task that is done said of itself; empty where it is not done."""
    receipt = read_receipt(layout, stage, name)
    return {} if receipt is None else dict(receipt.get("figures", {}))


def write_lock(study: Study) -> None:
    """Write the resolved configuration, with every default spelled out, to `study.lock.yaml`."""
    content = yaml.safe_dump(study.config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    write_text(study.layout.lock, f"# Written by cartopath: the configuration of the last run with every default.\n{content}")
