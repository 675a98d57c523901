"""`cartopath predict`."""

from __future__ import annotations

from pathlib import Path

from cartopath.cli.console import console, guarded, print_numbers, print_summary
from cartopath.cli.progress import shown_progress
from cartopath.methods.apply import apply_models
from cartopath.study.config import ComputeConfig


def predict_command(
    model: Path, slides: list[Path], *, out: Path, mpp: float | None, assume_mpp: float | None, workers: int | None, quiet: bool
) -> int:
    """Map new slides and return the exit code."""

    def action() -> int:
        compute = ComputeConfig(workers=workers)
        with shown_progress(quiet=quiet) as progress:
            applied = apply_models(model, slides, out=out, mpp=mpp, assume_mpp=assume_mpp, compute=compute, watcher=progress)
        table = applied.predictions
        shown = [column for column in table.columns if column != "warnings"]
        print_numbers(shown, [[_short(cell) for cell in row] for row in table[shown].itertuples(index=False)])
        for slide_id, warnings in zip(table["slide_id"], table["warnings"], strict=True):
            if warnings:
                console.print(f"[yellow]warning:[/] {slide_id}: {warnings}")
        code = print_summary(applied.summary)
        console.print(f"predictions: {out / 'predictions.csv'}\nmaps: {out / 'maps'}")
        return code

    return guarded(action)


def _short(cell: object) -> str:
    return f"{cell:.3f}" if isinstance(cell, float) else str(cell)
