"""`cartopath style fit`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from cartopath.cli.console import OK, console, guarded
from cartopath.core.cores import usable_cores
from cartopath.methods.restyling.sources import Cutting, iter_pixels, source_files
from cartopath.style import fit_style, write_style


def fit_command(source: Path, out: Path, method: str, cutting: dict[str, Any], threads: int | None) -> int:
    """Fit a style, print its numbers, and return the exit code."""

    def action() -> int:
        how = Cutting(**cutting, threads=threads or usable_cores())
        style = fit_style(iter_pixels(source, how), method)
        write_style(style, out)
        n_files = len(source_files(source))
        console.print(f"{method} style of {n_files} file{'s' if n_files > 1 else ''}", markup=False)
        for name, value in dataclasses.asdict(style).items():
            console.print(f"  {name + ':':14}{_numbers(value)}", markup=False)
        console.print(f"style: {out}", markup=False)
        return OK

    return guarded(action)


def _numbers(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "  ".join(f"{number:.3f}" for number in (value if isinstance(value, tuple | list) else (value,)))
