"""What a person sees: progress bars, tables, errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from cartopath.core.errors import CartopathError
from cartopath.study.run import RunSummary, Stage
from cartopath.study.tasks import Outcome

OK, FAILED, SOME_FAILED = 0, 1, 3

console = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


def guarded(action: Callable[[], int]) -> int:
    """Return the exit code of a command; an error that cartopath raises on purpose is one message, not a traceback."""
    try:
        return action()
    except CartopathError as error:
        errors.print(f"[bold red]error:[/] {_plain(str(error))}")
        return FAILED
    except KeyboardInterrupt:
        errors.print("stopped; the same command goes on where this one ended")
        return 130


def _plain(text: str) -> str:
    return text.replace("[", "\\[")


class ProgressBars:
    """One bar per stage; what a long task says of itself stands beside it. Use it as a context manager."""

    def __init__(self, *, quiet: bool) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<14}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[note]}"),
            console=errors,
            disable=quiet,
        )
        self._bars: dict[str, TaskID] = {}

    def __enter__(self) -> ProgressBars:
        self._progress.start()
        return self

    def __exit__(self, *details: object) -> None:
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
        if bar is not None:
            self._progress.advance(bar)

    def stage_ended(self, stage: Stage) -> None:
        """Stop the bar."""
        bar = self._bars.pop(stage.name, None)
        if bar is not None:
            self._progress.update(bar, note="")
            self._progress.stop_task(bar)

    def news(self, event: dict[str, Any]) -> None:
        """Show what a running task says."""
        bar = self._bars.get(str(event.get("stage")))
        if bar is None:
            return
        if "completed" in event:
            self._progress.update(bar, completed=event["completed"], total=event["total"])
            return
        metrics = event.get("metrics", {})
        figures = ", ".join(
            f"{name} {value:.3f}" for name, value in metrics.items() if isinstance(value, float) and name in _SHOWN
        )
        self._progress.update(bar, note=_plain(f"{event.get('task', '')}: chunk {event.get('chunk', '?')}  {figures}"))


_SHOWN = ("train_loss", "val_loss", "val_slide_auroc")


def print_summary(summary: RunSummary) -> int:
    """Print what a run did and list what failed; return the exit code."""
    console.print(f"{summary.n_done} tasks done, {summary.n_kept} kept, {len(summary.failed)} failed")
    if not summary.failed:
        return OK
    for outcome in summary.failed:
        reason = outcome.reason.splitlines()[0]
        print_line("failed", "yellow", f"{outcome.task.stage} {outcome.task.name}: {reason}")
    return SOME_FAILED


def print_line(word: str, style: str, text: str) -> None:
    """Print one finding: a word in colour and a sentence."""
    console.print(f"[{style}]{word:<8}[/] {_plain(text)}")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str | None = None) -> None:
    """Print a table; long cells wrap."""
    table = Table(*columns, title=title, title_justify="left", header_style="bold", show_edge=False)
    for row in rows:
        table.add_row(*(_plain(str(cell)) for cell in row))
    console.print(table, soft_wrap=False)
