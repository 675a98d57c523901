"""`cartopath style apply`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cartopath.cli.console import FAILED, OK, SOME_FAILED, console, errors, guarded, print_line
from cartopath.core.cores import usable_cores
from cartopath.methods.restyling.applying import restyle_folder
from cartopath.methods.restyling.sources import Cutting
from cartopath.methods.restyling.transfers import open_transfer


def apply_command(
    style: Path,
    source: Path,
    out: Path,
    transfer: dict[str, Any],
    cutting: dict[str, Any],
    threads: int | None,
    *,
    quiet: bool,
) -> int:
    """Restyle files, say what became of them, and return the exit code."""

    def action() -> int:
        how = Cutting(**cutting, threads=threads or usable_cores())
        progress = None if quiet else lambda name: errors.print(name, markup=False)
        restyled = restyle_folder(open_transfer(style, **transfer), source, out, how, progress=progress)
        for reason in restyled.failed:
            print_line("failed", "yellow", reason)
        console.print(f"{restyled.n_pictures} pictures and {restyled.n_tiles} tiles of slides: {out}", markup=False)
        if not restyled.failed:
            return OK
        return SOME_FAILED if restyled.n_pictures + restyled.n_tiles else FAILED

    return guarded(action)
