"""`cartopath external`."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from cartopath.cli.console import console, guarded, print_line, print_summary, print_table
from cartopath.cli.progress import shown_progress
from cartopath.methods.external import External, validate_externally
from cartopath.report.external_page import write_external_page
from cartopath.report.external_performance import internal, metric
from cartopath.report.numbers import is_known
from cartopath.study.config import ComputeConfig
from cartopath.study.run import Study

_MOST_NAMED = 5


def external_command(study: Path, cohort: Path, *, out: Path, workers: int | None, quiet: bool) -> int:
    """Judge the models of a study on another cohort and return the exit code."""

    def action() -> int:
        with shown_progress(quiet=quiet) as progress:
            found = validate_externally(study, cohort, out=out, compute=_compute(cohort, workers), watcher=progress)
        page = write_external_page(found, out)
        _print_excluded(found.cohort.excluded)
        for remark in found.cohort.remarks:
            print_line("note", "yellow", remark)
        for trait, classes in found.classes.items():
            print_line("classes", "dim", f"{trait}: {classes.rule or classes.reason}")
        _print_metrics(found)
        _print_weights(found)
        code = print_summary(found.summary)
        console.print(f"tables: {out / 'tables'}\npage: {page}")
        return code

    return guarded(action)


def _compute(cohort: Path, workers: int | None) -> ComputeConfig:
    compute = Study.read(cohort).config.compute
    return compute if workers is None else compute.model_copy(update={"workers": workers})


def _print_excluded(excluded: pd.DataFrame) -> None:
    for (patient, reason), rows in list(excluded.groupby(["patient_id", "reason"], sort=False))[:_MOST_NAMED]:
        who = f"{patient or 'no patient'} ({', '.join(rows['slide_id'][:2])})"
        print_line("left out", "yellow", f"{who}: {reason}")
    n = excluded[["patient_id", "reason"]].drop_duplicates().shape[0]
    if n > _MOST_NAMED:
        print_line("left out", "yellow", f"{n - _MOST_NAMED} more; see tables/excluded.csv")


def _print_metrics(found: External) -> None:
    scheme = found.models.study.config.splits.scheme
    lines = []
    for trait in found.models.trait_names:
        ensemble, mean, own = (
            metric(found, trait, "ensemble"),
            metric(found, trait, "rounds_mean"),
            internal(found, trait, "ensemble"),
        )
        size = "-" if ensemble is None else f"{ensemble['n']} ({ensemble['n_high']}/{ensemble['n_low']})"
        lines.append((trait, size, _estimate(ensemble), _value(mean), _estimate(own)))
    title = f"\nAUROC over external patients (high/low): ensemble, mean of {scheme}; own: in the study"
    print_table(("trait", "patients", "ensemble", "mean", "own"), lines, title=title)


def _estimate(row: pd.Series | None) -> str:
    if row is None:
        return "-"
    if not is_known(row["value"]):
        return "undefined"
    return f"{row['value']:.2f}" + (f" ({row['low']:.2f}-{row['high']:.2f})" if is_known(row["low"]) else "")


def _value(row: pd.Series | None) -> str:
    return "-" if row is None or not is_known(row["value"]) else f"{row['value']:.2f}"


def _print_weights(found: External) -> None:
    console.print("sha256 of the weights, before and after:")
    for name, before in found.models.weights.items():
        after = found.weights_after[name]
        console.print(f"  {name}  {before[:12]} {after[:12]} {'same' if before == after else 'CHANGED'}")
