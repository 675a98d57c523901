"""Printing what the doctor found, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from cartopath.cli.doctor.examination import Check, examine

# Not those of `cli.console`, which needs the libraries whose absence is to be found here.
console = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False)

OK, FAILED = 0, 1
_STYLES = {"ok": "green", "warning": "yellow", "problem": "bold red"}


def doctor_command(folder: Path, *, as_json: bool) -> int:
    """Run every check, print what was found, and return the exit code: 1 if there is a problem."""
    with errors.status("looking at this machine ...") as status:
        checks = examine(folder, lambda name: status.update(f"{name} ..."))
    if as_json:
        print_json(checks)
    else:
        print_checks(checks)
    return FAILED if any(check.verdict.level == "problem" for check in checks) else OK


def print_json(checks: Sequence[Check]) -> None:
    """Print the checks as a list of objects: name, level, found, advice."""
    rows = [{"name": check.name, **asdict(check.verdict)} for check in checks]
    console.out(json.dumps(rows, indent=2, ensure_ascii=True), highlight=False)


def print_checks(checks: Sequence[Check]) -> None:
    """Print a line for each check, and below it what to do."""
    for check in checks:
        level = check.verdict.level
        console.print(f"[{_STYLES[level]}]{level:<8}[/] {check.name:<12} {escape(check.verdict.found)}")
        if check.verdict.advice:
            console.print(f"{'':21} -> {check.verdict.advice}", markup=False, style="dim")
    counts = {level: sum(check.verdict.level == level for check in checks) for level in _STYLES}
    console.print(f"\nok: {counts['ok']}, warnings: {counts['warning']}, problems: {counts['problem']}")
