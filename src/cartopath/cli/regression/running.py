"""Running a regression: progress, and what is printed of what was found."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cartopath.cli.console import OK, SOME_FAILED, console, errors, guarded, plain, print_line, print_numbers, shows_bars
from cartopath.cli.progress import LINE_EVERY_S
from cartopath.methods.regression import Inputs, Machine, Regression, Settings, regress
from cartopath.report.numbers import is_known
from cartopath.report.regression_page import write_regression_page

_SHOWN = 8


def regress_command(prepare: Callable[[], tuple[Inputs, Settings, Machine]], *, out: Path, quiet: bool) -> int:
    """Predict genes from features, print what came of it, and return the exit code.

    Args:
        prepare: Gives what was asked for, or says what is wrong with it.
        out: Folder for the page and the tables.
        quiet: No progress bars.
    """

    def action() -> int:
        inputs, settings, machine = prepare()
        with _Progress(quiet=quiet) as bars:
            found = regress(inputs, settings, out, machine=machine, tell=bars.tell)
            found.write(out)
            page = write_regression_page(found, out)
        _print(found)
        console.print(f"tables: {out / 'genes.csv'}\npage: {page}", markup=False)
        return _failed(found)

    return guarded(action)


class _Progress:
    """One line for what is being done: a bar on a terminal, otherwise a line at its start and end and every half minute."""

    def __init__(self, *, quiet: bool) -> None:
        self._lines = not quiet and not shows_bars()
        self._told, self._last = "", 0.0
        columns = (TextColumn("{task.description:<36}"), BarColumn(bar_width=28), MofNCompleteColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=errors, disable=quiet or self._lines, transient=True)
        self._task = self._progress.add_task("features", total=None)

    def __enter__(self) -> _Progress:
        self._progress.start()
        return self

    def __exit__(self, *details: object) -> None:
        self._progress.stop()

    def tell(self, what: str, done: int, of: int) -> None:
        """Show what is being done, how much of it is done, and how much there is."""
        self._progress.update(self._task, description=what, completed=done, total=of)
        if self._lines and (what != self._told or done == of or time.monotonic() - self._last > LINE_EVERY_S):
            errors.print(plain(f"{what}: {done:,} of {of:,}"), highlight=False)
            self._told, self._last = what, time.monotonic()


def _print(found: Regression) -> None:
    n_patients, n_genes = found.measured.shape
    encoder = found.patients.encoder or "an unnamed encoder"
    console.print(f"{n_patients} patients, {n_genes:,} genes, {found.patients.n_features} features of {encoder}", markup=False)
    columns = ("by", "median\nr", "r >\n0.3", "q <\n0.05", "beat\nshuffled", "beat\nbaseline", "below\nit", "s")
    print_numbers(columns, [_arm(row) for row in found.arms.to_dict("records")], title="\nout-of-fold predictions, genes")
    _print_best(found)
    if found.control is not None:
        n = len(found.control.genes)
        console.print(
            f"trained on shuffled patients: {found.control.n_raw} of {n} genes below p = 0.05 (5 % are chance), "
            f"{found.control.n_bh} below q = 0.05"
        )
    console.print(found.baseline_note, markup=False)
    for note in (*found.expression.notes, *found.patients.notes):
        print_line("note", "yellow", note)


def _arm(row: dict[str, object]) -> tuple[str, ...]:
    beat, below = row["n_beat_baseline"], row["n_below_baseline"]
    return (
        str(row["arm"]),
        f"{row['median_pearson']:.2f}",
        f"{row['n_above_03']:,}",
        f"{row['n_bh']:,}",
        f"{row['n_beat_permuted']:,}",
        f"{beat:,.0f}" if is_known(beat) else "-",
        f"{below:,.0f}" if is_known(below) else "-",
        f"{row['seconds']:.0f}" if is_known(row["seconds"]) else "-",
    )


def _print_best(found: Regression) -> None:
    best = found.first.genes.dropna(subset=["pearson"]).nlargest(_SHOWN, "pearson")
    rows = [
        (
            row["gene"],
            f"{row['pearson']:.2f} ({row['pearson_low']:.2f}, {row['pearson_high']:.2f})",
            f"{row['pearson_q']:.2g}",
            f"{row['baseline_pearson']:.2f}",
            "yes" if row["beats_baseline"] else "no",
        )
        for row in best.to_dict("records")
    ]
    columns = ("gene", "r (95 % interval)", "q", f"r of {found.baseline}", "beats it")
    print_numbers(columns, rows, title=f"\nbest genes of {found.first.arm.name}")


def _failed(found: Regression) -> int:
    unreadable = found.patients.unreadable
    for _, reason in unreadable[:_SHOWN]:
        print_line("failed", "yellow", f"left out: {reason}")
    if len(unreadable) > _SHOWN:
        console.print(f"... and {len(unreadable) - _SHOWN} more files (left_out.csv)")
    return SOME_FAILED if unreadable or _trainings_failed(found) else OK


def _trainings_failed(found: Regression) -> bool:
    if found.training.empty:
        return False
    bad = found.training[found.training["ending"].isin(["diverged", "untrainable"])]
    for ending, rows in bad.groupby("ending"):
        reason = next((str(reason) for reason in rows["reason"] if reason), "the loss was no number any more")
        print_line("failed", "yellow", f"{len(rows):,} of {len(found.training):,} trainings {ending}: {reason}")
    return len(bad) > 0
