"""`cartopath benchmark`."""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.markup import escape
from rich.status import Status
from rich.table import Table

from cartopath.benchmark.command import PAPER_NETWORKS, SlideBenchmark, benchmark_slide
from cartopath.benchmark.results import Absent, Measure
from cartopath.benchmark.subject import Settings
from cartopath.cli.console import OK, console, errors, guarded, print_line
from cartopath.core.cores import usable_cores

_COLUMNS = ("what is read", "left", "right", "tiles/s", "ratio", "goal")
_ROOMY = 100
_LEGEND = (
    "tiles/s: left / right; ratio: median (quartiles) of turns run in pairs, so it can differ from the quotient; bare decoder: "
    "the same frames from memory, without cutting tiles"
)


def benchmark_command(
    slide: Path,
    *,
    threads: int | None,
    tile_px: int,
    mpp: float,
    seconds: float,
    networks: bool,
    assume_mpp: float | None,
    out: Path | None,
) -> int:
    """Measure a slide, print the table and the advice, and return the exit code."""

    def action() -> int:
        settings = Settings(threads=threads or usable_cores(), size_px=tile_px, mpp=mpp, seconds=seconds, assume_mpp=assume_mpp)
        with errors.status("opening the slide ...") as status:
            news = _News(slide.name, status)
            found = benchmark_slide(
                slide, settings, networks=PAPER_NETWORKS if networks else (), opened=news.opened, said=news.said
            )
        print_benchmark(found)
        if out is not None:
            found.write(out)
            console.print(f"({out})", markup=False)
        return OK

    return guarded(action)


class _News:
    """What is said while a slide is measured: by the spinner of a terminal, or else a line for each step."""

    def __init__(self, name: str, status: Status) -> None:
        self._name, self._status = name, status

    def opened(self, backend: str, reason: str) -> None:
        """Say what reads the slide."""
        self._status.stop()  # it draws on the same terminal
        console.print(f"{self._name}: read by {backend}" + (f" ({reason})" if reason else ""), markup=False)
        self._status.start()

    def said(self, what: str) -> None:
        """Say what is being measured."""
        if errors.is_terminal:
            self._status.update(f"measuring: {what} ...")
        else:
            errors.print(f"measuring: {what} ...", markup=False)


def print_benchmark(found: SlideBenchmark) -> None:
    """Print the table of a slide and the advice below it."""
    facts, here = found.facts, found.machine
    threads = f"{facts.threads} thread" + ("s" if facts.threads != 1 else "")
    console.print(f"{here['processor']}, {here['cores']} cores, {threads}, {found.settings.size_px} px tiles", markup=False)
    if facts.n_unreadable:
        console.print(f"{facts.n_unreadable:,} of {facts.n_read:,} tiles cannot be decoded", style="bold red")
    console.print("")
    _print_table([measure for measure in found.measures if isinstance(measure, Measure)])
    console.print(_LEGEND, markup=False, style="dim")
    _print_notes(found)
    console.print("")
    for advice in found.advice:
        print_line("->", "bold", advice.text)


def _print_table(measures: list[Measure]) -> None:
    """Print the table so that it fits 80 columns, or with room between its columns where there are more."""
    table = Table(box=box.MINIMAL, show_edge=False, header_style="bold", padding=(0, 1 if console.width >= _ROOMY else 0))
    for column in _COLUMNS:
        table.add_column(column, no_wrap=column != "right")
    for measure in measures:
        table.add_row(*(escape(cell) for cell in _row(measure)))
    console.print(table, soft_wrap=False)


def _print_notes(found: SlideBenchmark) -> None:
    """Say what else there is to say of a line, and what could not be measured."""
    for measure in found.measures:
        if isinstance(measure, Measure) and measure.note:
            console.print(f"{measure.reference}: {measure.note}", markup=False, style="dim")
    reasons: dict[str, list[str]] = {}
    for measure in found.measures:
        if isinstance(measure, Absent):
            reasons.setdefault(measure.reason, []).append(measure.what)
    for reason, what in reasons.items():
        console.print(f"not measured: {', '.join(what)}: {reason}", markup=False, style="dim")


def _row(measure: Measure) -> tuple[str, ...]:
    goal = "" if measure.goal is None else f"{measure.goal:g} {'met' if measure.is_reached else 'missed'}"
    rates = f"{_rate(measure.rate)} / {_rate(measure.reference_rate)}"
    return measure.what, measure.name, measure.reference, rates, str(measure.ratio), goal


def _rate(per_second: float) -> str:
    return f"{per_second:,.0f}" if per_second >= 10 else f"{per_second:.1f}"
