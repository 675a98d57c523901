"""`cartopath run`, `stages` and `report`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from cartopath.cli.console import OK, console, guarded, print_summary, print_table
from cartopath.cli.progress import shown_progress
from cartopath.core.errors import ConfigError, closest
from cartopath.methods import method_findings, recipe_stages
from cartopath.report.stage import REPORT_STAGE
from cartopath.study.run import Selection, Stage, Study, run_study


def study_stages(study: Study) -> tuple[Stage, ...]:
    """Return all stages of a study: those of its recipe and the report."""
    return (*recipe_stages(study.config), REPORT_STAGE)


def with_compute(study: Study, **compute: Any) -> Study:
    """Return the study with what the command line says about computing in place of what its file says."""
    stated = {name: value for name, value in compute.items() if value is not None}
    config = study.config.model_copy(update={"compute": study.config.compute.model_copy(update=stated)})
    return dataclasses.replace(study, config=config)


def run_command(
    path: Path,
    *,
    until: str | None,
    traits: list[str],
    rounds: list[int],
    workers: int | None,
    scheduler: str | None,
    redraw_splits: bool,
    quiet: bool,
) -> int:
    """Run a study and return the exit code."""

    def action() -> int:
        study = with_compute(Study.read(path), workers=workers, scheduler=scheduler)
        study = dataclasses.replace(study, redraw_splits=redraw_splits)
        _refuse_unusable(study)
        select = _selection(study, traits, rounds)
        with shown_progress(quiet=quiet) as progress:
            summary = run_study(study, study_stages(study), until=until, select=select, watcher=progress)
        code = print_summary(summary)
        if study.layout.report.is_file() and until is None and not traits and not rounds:
            console.print(f"report: {study.layout.report}")
        return code

    return guarded(action)


def _refuse_unusable(study: Study) -> None:
    """Refuse, before anything is computed, a study whose network or encoder cannot be used.

    Raises:
        ConfigError: The first reason that `check` gives.
    """
    for finding in method_findings(study.config, study.root):
        if finding.severity == "error":
            raise ConfigError(f"{finding.subject}: {finding.message}")


def _selection(study: Study, traits: list[str], rounds: list[int]) -> Selection:
    for trait in traits:
        if trait not in study.config.trait_names:
            near = closest(trait, study.config.trait_names, n=1)
            raise ConfigError(f"--trait {trait}: the study has {', '.join(near or study.config.trait_names)}")
    for round_ in rounds:
        if not 0 <= round_ < study.config.splits.rounds:
            raise ConfigError(f"--round {round_}: the study has rounds 0 to {study.config.splits.rounds - 1}")
    return Selection(frozenset(traits), frozenset(rounds))


def list_stages(path: Path) -> int:
    """Print the stages of a study."""

    def action() -> int:
        stages = study_stages(Study.read(path))
        print_table(("stage", "what it does"), [(stage.name, stage.what) for stage in stages])
        return OK

    return guarded(action)


def report_command(path: Path) -> int:
    """Write the report of a study anew."""

    def action() -> int:
        from cartopath.report import write_report

        study = Study.read(path)
        console.print(f"report: {write_report(study.root, title=study.config.name)}")
        return OK

    return guarded(action)
