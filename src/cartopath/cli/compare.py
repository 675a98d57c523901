"""`cartopath compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from cartopath.cli.console import OK, console, guarded, print_line, print_table
from cartopath.methods.comparison import Comparison, compare_studies
from cartopath.report.comparison_claims import both_complete, figure_names
from cartopath.report.comparison_page import write_comparison_page
from cartopath.report.numbers import is_known

_LONGEST_NAME = 16


def compare_command(studies: list[Path], *, out: Path) -> int:
    """Compare studies on the same splits and return the exit code."""

    def action() -> int:
        comparison = compare_studies(studies)
        comparison.write(out)
        page = write_comparison_page(comparison, out)
        for trait in comparison.traits:
            _print_trait(comparison, trait)
        _print_agreement(comparison)
        for note in comparison.notes:
            print_line("note", "yellow", note)
        console.print(f"{comparison.scheme}: the mean of their AUROCs; difference, maps agree: with {comparison.studies[0]}")
        console.print(f"tables: {out / 'comparison.csv'}\npage: {page}")
        return OK

    return guarded(action)


def _print_trait(comparison: Comparison, trait: str) -> None:
    """Print a row for every figure of every study, each with its own difference."""
    rows = [row for _, row in comparison.table[comparison.table["trait"] == trait].iterrows()]
    lines = []
    for row in rows:
        for name, what in figure_names(comparison).items():
            lines.append((_short(row["study"]), what.split()[-1], _figure(row, name), *_difference(row, rows[0], name)))
    first = rows[0]
    title = f"\n{trait}: {first['n_patients']} test patients, {first['n_high']} high and {first['n_low']} low"
    print_table(("study", "of", "AUROC", "difference", "p"), lines, title=title)
    if any(both_complete(row, first, "auroc") for row in rows[1:]):
        print_line("note", "yellow", f"{trait}: methods that separate these patients completely cannot be told apart by them")


def _print_agreement(comparison: Comparison) -> None:
    names = {"rho": "spearman", "maps agree": "map_agreement", "planted": "planted"}
    if not comparison.table["planted"].notna().any():
        del names["planted"]
    lines = [
        [_short(row["trait"]), _short(row["study"]), *(_number(row[column]) for column in names.values())]
        for row in comparison.table.to_dict("records")
    ]
    print_table(["trait", "study", *names], lines, title="\nrho: score and measurement; maps: tiles of held-out slides")
    for row in comparison.hti.iloc[1:].to_dict("records"):
        console.print(f"HTI of {row['study']}: rho {_number(row['spearman'])} with the first, n = {row['n_patients']:.0f}")


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 3]}..."


def _number(value: Any) -> str:
    return f"{value:.2f}" if is_known(value) else "-"


def _figure(row: pd.Series, name: str) -> str:
    if not is_known(row[name]):
        return "undefined" if row.get(f"{name}_reason") else "-"
    return f"{row[name]:.2f}" + _interval(row, name)


def _difference(row: pd.Series, first: pd.Series, name: str) -> tuple[str, str]:
    """Return a difference with its interval, and its p-value; neither where there is nothing to tell apart."""
    value, p = row[f"{name}_difference"], row[f"{name}_p"]
    if not is_known(value) or both_complete(row, first, name):
        return "-", "-"
    return f"{value:+.2f}{_interval(row, f'{name}_difference', signed=True)}", f"{p:.2g}" if is_known(p) else "-"


def _interval(row: pd.Series, name: str, *, signed: bool = False) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    if not (is_known(low) and is_known(high)):
        return ""
    return f" ({low:.2f}, {high:.2f})" if signed else f" ({low:.2f}-{high:.2f})"
