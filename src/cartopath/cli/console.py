"""What a person sees: tables, findings, errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table

from cartopath.core.errors import CartopathError
from cartopath.study.run import RunSummary

OK, FAILED, SOME_FAILED = 0, 1, 3
_BETWEEN = 3
"""Characters beside each column of a table, but for one at the end."""

console = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


def shows_bars() -> bool:
    """Whether messages go to a terminal, where bars can move."""
    return errors.is_terminal and not errors.is_dumb_terminal


def guarded(action: Callable[[], int]) -> int:
    """Return the exit code of a command; an error that cartopath raises on purpose is one message, not a traceback."""
    try:
        return action()
    except CartopathError as error:
        errors.print(f"[bold red]error:[/] {plain(str(error))}")
        return FAILED
    except KeyboardInterrupt:
        errors.print("stopped; the same command goes on where this one ended")
        return 130


def plain(text: str) -> str:
    """Return text that rich prints as it is, brackets and all."""
    return text.replace("[", "\\[")


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
    console.print(f"[{style}]{word:<8}[/] {plain(text)}")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str | None = None) -> None:
    """Print a table; long cells wrap."""
    table = Table(*columns, title=title, title_justify="left", header_style="bold", show_edge=False)
    for row in rows:
        table.add_row(*(plain(str(cell)) for cell in row))
    console.print(table, soft_wrap=False)


def print_numbers(columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str | None = None) -> None:
    """Print a table of numbers, in which nothing wraps: columns for which the terminal is too narrow follow in a table below.

    Args:
        columns: Headers, which may have several lines; the first column names the rows and stands in every table.
        rows: Cells.
        title: Above the first table.
    """
    cells = [[str(cell) for cell in row] for row in rows]
    for number, places in enumerate(_fitting(columns, cells, console.width)):
        shown = [[row[place] for place in places] for row in cells]
        if number > 0:
            console.print()
        print_table([columns[place] for place in places], shown, title=title if number == 0 else None)


def _fitting(columns: Sequence[str], cells: Sequence[Sequence[str]], width: int) -> list[list[int]]:
    """Return which columns stand in which table, so that each table fits: the first, and as many others as there is room for.

    >>> _fitting(["", "one", "two", "three"], [["name", "1", "2", "3"]], 18)
    [[0, 1, 2], [0, 3]]
    """
    wide = [
        max(len(line) for cell in (head, *(row[place] for row in cells)) for line in cell.split("\n"))
        for place, head in enumerate(columns)
    ]
    wide[0] = min(wide[0], width // 2)  # Long names may wrap.
    tables: list[list[int]] = []
    for place in range(1, len(columns)):
        if not tables or sum(wide[other] + _BETWEEN for other in (*tables[-1], place)) - 1 > width:
            tables.append([0])
        tables[-1].append(place)
    return tables
