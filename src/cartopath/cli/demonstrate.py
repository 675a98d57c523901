"""`cartopath demo`."""

from __future__ import annotations

import time
from pathlib import Path

import pandas as pd

from cartopath.cli.console import FAILED, OK, console, guarded, print_line
from cartopath.cli.progress import shown_progress
from cartopath.cli.run import with_compute
from cartopath.demo.recovery import recovery_stage
from cartopath.demo.simulated import TRUTH, DemoMethod, prepare_demo
from cartopath.methods import recipe_stages
from cartopath.report.stage import REPORT_STAGE
from cartopath.study.run import run_study


def demonstrate(out: Path, *, method: DemoMethod, effect: float, seed: int, workers: int | None, quiet: bool) -> int:
    """Simulate, run, compare; print what was planted and recovered; return the exit code."""

    def action() -> int:
        start = time.monotonic()
        with shown_progress(quiet=quiet) as progress:
            study = prepare_demo(out, effect=effect, seed=seed, workers=workers, watcher=progress, method=method)
            study = with_compute(study, workers=workers)
            stages = (*recipe_stages(study.config), recovery_stage(study.root / TRUTH, effect), REPORT_STAGE)
            summary = run_study(study, stages, watcher=progress)
        recovery = pd.read_csv(study.layout.table("recovery"))
        console.print("planted and recovered")
        for row in recovery.itertuples():
            print_line("holds" if row.holds else "FAILS", "green" if row.holds else "bold red", str(row.quantity))
            console.print(f"           planted {row.planted}; recovered {row.recovered}; goal {row.goal}")
        minutes = (time.monotonic() - start) / 60
        console.print(f"\n{len(summary.failed)} tasks failed; {minutes:.1f} minutes; everything is in {study.root}")
        console.print(f"report: {study.layout.report}")
        return OK if bool(recovery["holds"].all()) and not summary.failed else FAILED

    return guarded(action)
