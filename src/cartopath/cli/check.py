"""`cartopath check`."""

from __future__ import annotations

from pathlib import Path

from cartopath.cli.console import FAILED, OK, ProgressBars, console, guarded, print_line
from cartopath.cli.run import with_compute
from cartopath.cohort import verdict
from cartopath.methods import method_findings
from cartopath.study.check import check_cohort
from cartopath.study.run import Study

_STYLES = {"error": "bold red", "warning": "yellow", "info": "dim"}


def check_study(path: Path, *, workers: int | None, quiet: bool) -> int:
    """Check a study, print every finding, and return the exit code."""

    def action() -> int:
        study = with_compute(Study.read(path), workers=workers)
        with ProgressBars(quiet=quiet) as bars:
            checked = check_cohort(study, also=method_findings(study.config), watcher=bars)
        for found in checked.findings:
            print_line(found.severity, _STYLES[found.severity], f"{found.subject}: {found.message}  [{found.code}]")
        if len(checked.slides):
            sources = checked.slides.groupby("mpp_source").size()
            resolutions = ", ".join(f"{n} from {source}" for source, n in sources.items())
            tissue = checked.slides["tissue_mm2"].sum()
            console.print(f"\n{len(checked.slides)} slides opened; resolution: {resolutions}; {tissue:,.1f} mm2 of tissue")
        console.print(f"{verdict(checked.findings)}   ({study.layout.table('findings')})")
        return OK if checked.is_ready else FAILED

    return guarded(action)
