"""How far a run is: bars on a terminal, plain lines in a log or a batch job, nothing where nobody wants to know."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from cartopath.cli.console import errors, plain, shows_bars
from cartopath.study.run import Silent, Stage
from cartopath.study.tasks import Outcome

LINE_EVERY_S = 30.0
"""How often at most a stage that goes on gets a plain line, so that a job of hours leaves a log that can be read."""

_SHOWN = {
    "train_loss": "train loss",
    "validation_loss": "validation loss",
    "validation_accuracy": "validation accuracy",
    "validation_auroc": "validation AUROC",
    "slide_auroc": "slide AUROC",
}
"""Figures of a chunk that are shown, and what they are called."""


class ShownProgress(ABC):
    """Shows a run as it goes: a `Watcher` that is used as a context manager."""

    @abstractmethod
    def __enter__(self) -> ShownProgress: ...

    @abstractmethod
    def __exit__(self, kind: object, error: object, traceback: object) -> None: ...

    @abstractmethod
    def stage_started(self, stage: Stage, n_tasks: int, n_kept: int) -> None:
        """Show that a stage begins."""

    @abstractmethod
    def task_ended(self, outcome: Outcome) -> None:
        """Count a task."""

    @abstractmethod
    def stage_ended(self, stage: Stage) -> None:
        """Show that a stage is over."""

    @abstractmethod
    def news(self, event: dict[str, Any]) -> None:
        """Show what a running task says."""


def shown_progress(*, quiet: bool) -> ShownProgress:
    """Return what suits where the messages go."""
    if quiet:
        return Unshown()
    return ProgressBars() if shows_bars() else ProgressLines()


class Unshown(Silent, ShownProgress):
    """Shows nothing."""

    def __enter__(self) -> Unshown:
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        pass


class ProgressBars(ShownProgress):
    """One bar per stage; what a long task says of itself stands beside it."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<14}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[note]}"),
            console=errors,
        )
        self._bars: dict[str, TaskID] = {}
        self._counting: set[TaskID] = set()
        """Bars of tasks that count for themselves."""

    def __enter__(self) -> ProgressBars:
        self._progress.start()
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        self._progress.stop()

    def stage_started(self, stage: Stage, n_tasks: int, n_kept: int) -> None:
        """Show a bar for the stage."""
        if n_tasks == 0:
            return
        note = f"{n_kept} kept" if n_kept else stage.what
        self._bars[stage.name] = self._progress.add_task(stage.name, total=n_tasks, completed=n_kept, note=note)

    def task_ended(self, outcome: Outcome) -> None:
        """Move the bar on."""
        bar = self._bars.get(outcome.task.stage)
        if bar is not None and bar not in self._counting:
            self._progress.advance(bar)

    def stage_ended(self, stage: Stage) -> None:
        """Stop the bar."""
        bar = self._bars.pop(stage.name, None)
        if bar is not None:
            self._progress.update(bar, note="")
            self._progress.stop_task(bar)

    def news(self, event: dict[str, Any]) -> None:
        """Show what a running task says beside its bar."""
        bar = self._bars.get(str(event.get("stage")))
        if bar is None:
            return
        if "completed" in event:
            self._counting.add(bar)
            self._progress.update(bar, completed=event["completed"], total=event["total"])
        else:
            self._progress.update(bar, note=plain(_said(event)))


@dataclass
class _Counts:
    """How far a stage is."""

    n_tasks: int
    n_kept: int
    began: float
    n_done: int = 0
    n_failed: int = 0
    counted: tuple[int, int] | None = None
    """What a task that counts for itself said last: so many, of so many."""

    @property
    def n_ended(self) -> int:
        """How many tasks there is no more to do for."""
        return self.n_done + self.n_kept + self.n_failed

    def how_far(self) -> str:
        """Return how much has ended, of how much: of what a task counts for itself, else of the tasks.

        >>> _Counts(4, 1, 0.0, n_done=2).how_far(), _Counts(1, 0, 0.0, counted=(40, 150)).how_far()
        ('3 of 4', '40 of 150')
        """
        ended, of = self.counted or (self.n_ended, self.n_tasks)
        return f"{ended:,} of {of:,}"

    def text(self, now: float) -> str:
        """Return how far it came, in what time, and how much of it was not done anew.

        >>> _Counts(4, 1, 0.0, n_done=2, n_failed=1).text(15.0)
        '4 of 4 (1 kept, 1 failed), 15 s'
        """
        others = ", ".join(f"{n:,} {what}" for n, what in ((self.n_kept, "kept"), (self.n_failed, "failed")) if n)
        return f"{self.how_far()}{f' ({others})' if others else ''}, {_duration(now - self.began)}"


@dataclass
class ProgressLines(ShownProgress):
    """A line for every stage that has ended, and now and then one for how far a long one is.

    Attributes:
        every_s: Seconds between two lines of a stage that goes on.
        clock: Seconds since some moment.
    """

    every_s: float = LINE_EVERY_S
    clock: Callable[[], float] = time.monotonic
    _running: dict[str, _Counts] = field(default_factory=dict)
    _last: float = 0.0

    def __enter__(self) -> ProgressLines:
        self._last = self.clock()
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        for name, counts in self._running.items():
            self._print(f"{name}: stopped at {counts.how_far()}, {_duration(self.clock() - counts.began)}")

    def stage_started(self, stage: Stage, n_tasks: int, n_kept: int) -> None:
        """Begin to count."""
        if n_tasks:
            self._running[stage.name] = _Counts(n_tasks, n_kept, self.clock())

    def task_ended(self, outcome: Outcome) -> None:
        """Count a task, and say how far the stage is where nothing was said for a while."""
        counts = self._running.get(outcome.task.stage)
        if counts is None:
            return
        counts.n_done += outcome.is_ok
        counts.n_failed += not outcome.is_ok
        if counts.n_ended < counts.n_tasks:
            self._now_and_then(f"{outcome.task.stage}: {counts.how_far()}")

    def stage_ended(self, stage: Stage) -> None:
        """Print the last line of the stage: all of it, and what became of it."""
        counts = self._running.pop(stage.name, None)
        if counts is not None:
            self._print(f"{stage.name}: {counts.text(self.clock())}")

    def news(self, event: dict[str, Any]) -> None:
        """Print what a running task says, where nothing was said for a while."""
        name = str(event.get("stage"))
        counts = self._running.get(name)
        if counts is None:
            return
        if "completed" in event:
            counts.counted = int(event["completed"]), int(event["total"])
            self._now_and_then(f"{name}: {counts.how_far()}")
        else:
            self._now_and_then(f"{name}: {_said(event)}")

    def _now_and_then(self, text: str) -> None:
        if self.clock() - self._last >= self.every_s:
            self._print(text)

    def _print(self, text: str) -> None:
        errors.print(text, markup=False)
        self._last = self.clock()


def _said(event: dict[str, Any]) -> str:
    """Return what a training says of a chunk, of an epoch of a head, or in words of its own.

    >>> _said({"task": "encoder 0", "chunk": 2, "metrics": {"train_loss": 0.25, "lr": 0.001}})
    'encoder 0: chunk 3, train loss 0.250'
    >>> _said({"task": "encoder 0", "words": "3 of 10 heads have ended"})
    'encoder 0: 3 of 10 heads have ended'
    """
    if "words" in event:
        return f"{event.get('task', '')}: {event['words']}"
    what = "epoch" if "epoch" in event else "chunk"
    metrics = event.get("metrics", {})
    shown = {text: metrics[name] for name, text in _SHOWN.items() if isinstance(metrics.get(name), float)}
    figures = [f"{name} {value:.3f}" for name, value in shown.items() if not math.isnan(value)]
    return f"{event.get('task', '')}: {', '.join([f'{what} {event[what] + 1}', *figures])}"


def _duration(seconds: float) -> str:
    """Return a duration as people write it.

    >>> _duration(7.4), _duration(85), _duration(3 * 3600 + 60)
    ('7 s', '1:25 min', '3:01 h')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60}:{whole % 60:02d} min" if whole < 3600 else f"{whole // 3600}:{whole % 3600 // 60:02d} h"
