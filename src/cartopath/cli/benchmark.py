"""`cartopath benchmark`."""

from __future__ import annotations

from pathlib import Path

from cartopath.benchmark.command import PAPER_NETWORKS, SlideBenchmark, benchmark_slide
from cartopath.benchmark.reading import Settings
from cartopath.benchmark.results import Absent, Measure
from cartopath.cli.console import OK, console, errors, guarded, print_line, print_table
from cartopath.core.cores import usable_cores

_COLUMNS = ("measure", "against", "tiles/s", "ratio (quartiles)", "goal")


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
            found = benchmark_slide(
                slide,
                settings,
                networks=PAPER_NETWORKS if networks else (),
                said=lambda what: status.update(f"measuring: {what} ..."),
            )
        print_benchmark(found)
        if out is not None:
            found.write(out)
            console.print(f"({out})")
        return OK

    return guarded(action)


def print_benchmark(found: SlideBenchmark) -> None:
    """Print the table of a slide and the advice below it."""
    facts, here = found.facts, found.machine
    console.print(f"{found.path.name}: read by {facts.backend}" + (f" ({facts.reason})" if facts.reason else ""), markup=False)
    console.print(f"{here['processor']}, {here['cores']} cores, {facts.threads} threads, {found.settings.size_px} px tiles\n")
    print_table(_COLUMNS, [_row(measure) for measure in found.measures if isinstance(measure, Measure)])
    _print_notes(found)
    console.print("")
    for advice in found.advice:
        print_line("->", "bold", advice.text)


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
    goal = "" if measure.goal is None else f"{measure.goal:g} {'reached' if measure.is_reached else 'missed'}"
    rates = f"{_rate(measure.rate)} / {_rate(measure.reference_rate)}"
    return measure.what, measure.reference, rates, str(measure.ratio), goal


def _rate(per_second: float) -> str:
    return f"{per_second:,.0f}" if per_second >= 100 else f"{per_second:.1f}"
