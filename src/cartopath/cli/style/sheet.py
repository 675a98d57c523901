"""`cartopath style sheet`, and what is printed of the quality of a transfer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cartopath.cli.console import OK, console, guarded, print_line
from cartopath.core.cores import usable_cores
from cartopath.methods.restyling.quality import STRUCTURE_KEPT, BothWays, judge
from cartopath.methods.restyling.sources import Cutting, all_tiles, iter_pixels
from cartopath.methods.restyling.transfers import both_ways
from cartopath.store.atomic import write_bytes
from cartopath.style import TransferQuality


def sheet_command(
    how: str,
    first: Path,
    second: Path,
    out: Path,
    cutting: dict[str, Any],
    *,
    examples: int,
    device: str,
    threads: int | None,
) -> int:
    """Judge a transfer both ways, draw it, print its numbers, and return the exit code."""

    def action() -> int:
        cut = Cutting(**cutting, threads=threads or usable_cores())
        sets = all_tiles(first, cut), all_tiles(second, cut)
        names = style_names(first, second)
        transfers = both_ways(how, iter_pixels(first, cut), iter_pixels(second, cut), device=device)
        quality = judge(*sets, *transfers, names=names, n_examples=examples, title=how)
        write_bytes(out, quality.sheet)
        print_quality(quality)
        console.print(f"sheet: {out}", markup=False)
        return OK

    return guarded(action)


def style_names(first: Path, second: Path) -> tuple[str, str]:
    """Return what two styles are called: after their folders or files, or a and b where these are alike.

    >>> style_names(Path("bm"), Path("scans/usc.svs"))
    ('bm', 'usc')
    """
    names = first.resolve().stem, second.resolve().stem
    return names if names[0] != names[1] else ("a", "b")


def print_quality(quality: BothWays) -> None:
    """Print structure and colour of both directions, and say plainly when structure is lost."""
    first, second = quality.names
    for source, target, found in ((first, second, quality.forward), (second, first, quality.backward)):
        _print_direction(source, target, found)


def _print_direction(source: str, target: str, found: TransferQuality) -> None:
    tiles = f"{found.n_tiles} tile{'s' if found.n_tiles > 1 else ''}"
    console.print(
        f"{source} as {target}: edges kept {found.gradient_correlation:.3f} (gradient correlation over {tiles}); "
        f"colour distance to {target} {found.before.mean:.1f} before, {found.after.mean:.1f} after (2.3 can just be seen)",
        markup=False,
    )
    if found.gradient_correlation < STRUCTURE_KEPT:
        print_line(
            "warning",
            "yellow",
            f"the structure of the tissue is not kept: {found.gradient_correlation:.3f}, and {STRUCTURE_KEPT} is needed; do not "
            f"learn from {source} as {target}",
        )
    if found.after.mean >= found.before.mean:
        print_line("warning", "yellow", f"the colours of {target} are not reached: the distance has not become smaller")
