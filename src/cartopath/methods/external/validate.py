"""The external validation as a whole: frozen models, a second cohort, and the tables that come of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cartopath.core.errors import ConfigError
from cartopath.methods.external.classes import TraitClasses, external_classes
from cartopath.methods.external.cohort import ExternalCohort, read_cohort
from cartopath.methods.external.evaluation import (
    CORRELATION_COLUMNS,
    METRIC_COLUMNS,
    ROC_COLUMNS,
    correlation_rows,
    metric_rows,
    patient_table,
    roc_rows,
)
from cartopath.methods.external.frozen import FrozenModels, read_frozen, require_unchanged, weights_of
from cartopath.methods.external.scoring import STAGE, plan_slide
from cartopath.store.artifacts import Header, read_json, write_csv, write_json
from cartopath.study.config import ComputeConfig
from cartopath.study.executors import make_executor
from cartopath.study.layout import Layout
from cartopath.study.ledger import log_start
from cartopath.study.run import RunSummary, Silent, Stage, Study, Watcher, completed_figures, run_tasks
from cartopath.study.study_file import STUDY_FILE

RECORD = "external.json"


@dataclass(frozen=True, eq=False)
class External:
    """What frozen models are worth on a second cohort.

    Attributes:
        models: The models.
        cohort: Who was judged and who was left out.
        name: The cohort's name.
        classes: The cohort's own classes, by trait.
        slides: slide_id, patient_id, n_tiles, warnings; failed, why a slide could not be scored.
        patients: One row per trait and patient; see `patient_table`.
        metrics: AUROC by trait, set and model.
        internal: The study's own AUROC on its own test patients: trait, model, n, value, low, high.
        correlations: Of the ensemble's score with the measured value.
        roc: The curves.
        weights_after: sha256 of every file of weights when all was done; the same as before.
        summary: What was done, kept and failed.
    """

    models: FrozenModels
    cohort: ExternalCohort
    name: str
    classes: dict[str, TraitClasses]
    slides: pd.DataFrame
    patients: pd.DataFrame
    metrics: pd.DataFrame
    internal: pd.DataFrame
    correlations: pd.DataFrame
    roc: pd.DataFrame
    weights_after: dict[str, str]
    summary: RunSummary


def validate_externally(
    study: Path, cohort: Path, *, out: Path, compute: ComputeConfig | None = None, watcher: Watcher | None = None
) -> External:
    """Apply every trained model of a study to the slides of another cohort, and judge it by that cohort's own classes.

    Nothing is fitted: tiles are cut, thresholds set and rounds chosen as the study did. What is done already is kept.

    Args:
        study: A study with trained models.
        cohort: Another study file, or its folder: its slides, its molecular and clinical tables, its `labels`.
        out: Where tile scores and tables go.
        compute: Workers and devices; default those of the cohort's study file.
        watcher: Sees it go.

    Raises:
        ConfigError: The cohort cannot be read, no slide is left, or `out` is the folder of a study.
        BundleError: A model is missing or damaged, or has changed meanwhile.
    """
    models, second, watcher = read_frozen(study), Study.read(cohort), watcher or Silent()
    compute = compute or second.config.compute
    layout = Layout(out.resolve())
    _claim(layout, models, second)
    judged = read_cohort(second, models)
    classes = external_classes(second, models, {slide.patient_id for slide in judged.slides})
    log_start(layout.ledger, name=f"{models.study.config.name} on {second.config.name}", seed=models.study.config.seed)
    tasks = [plan_slide(layout, models, slide, second.config.slides.assume_mpp, compute) for slide in judged.slides]
    with make_executor(compute, watcher.news) as executor:
        summary = run_tasks(Stage(STAGE, lambda _: tasks, "score slides with frozen models"), tasks, layout, executor, watcher)
    after = weights_of(models.folder)
    require_unchanged(models, after)
    failed = {outcome.task.name: outcome.reason.splitlines()[0] for outcome in summary.failed}
    slides, scores = _slide_tables(layout, judged, failed)
    names = sorted({round_ for rounds in models.rounds.values() for round_ in rounds})
    patients = patient_table(scores, classes, [*(f"round_{round_}" for round_ in names), "ensemble"])
    seed = models.study.config.seed
    curves = list(roc_rows(patients, models.rounds))
    found = External(
        models=models,
        cohort=judged,
        name=second.config.name,
        classes=classes,
        slides=slides,
        patients=patients,
        metrics=pd.DataFrame(list(metric_rows(patients, models.rounds, seed=seed)), columns=METRIC_COLUMNS),
        internal=_internal(models),
        correlations=pd.DataFrame(list(correlation_rows(patients, classes)), columns=CORRELATION_COLUMNS),
        roc=pd.concat(curves, ignore_index=True) if curves else pd.DataFrame(columns=ROC_COLUMNS),
        weights_after=after,
        summary=summary,
    )
    _write(found, layout)
    return found


def _claim(layout: Layout, models: FrozenModels, cohort: Study) -> None:
    """Note of which models and cohort a folder is.

    Raises:
        ConfigError: It is the folder of a study, or of other models or another cohort.
    """
    if (layout.root / STUDY_FILE).exists():
        raise ConfigError(f"{layout.root}: is the folder of a study; choose another folder with --out")
    content = {"models": models.folder.as_posix(), "cohort": cohort.root.as_posix(), "weights": models.weights}
    file = layout.root / RECORD
    if file.is_file() and any(read_json(file, "external")[name] != value for name, value in content.items()):
        raise ConfigError(f"{layout.root}: holds the validation of other models or on another cohort; choose another --out")
    write_json(content, file, Header(kind="external"))


def _slide_tables(layout: Layout, cohort: ExternalCohort, failed: dict[str, str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what became of each slide, and one row per trait and scored slide with the score of every model."""
    slides: list[dict[str, Any]] = []
    scores: list[dict[str, Any]] = []
    for slide in cohort.slides:
        ids = {"slide_id": slide.slide_id, "patient_id": slide.patient_id}
        figures = {} if slide.slide_id in failed else completed_figures(layout, STAGE, slide.slide_id)
        slides.append(
            {**ids, **{name: figures.get(name) for name in ("n_tiles", "warnings")}, "failed": failed.get(slide.slide_id, "")}
        )
        scores += [{"trait": trait, **ids, **own} for trait, own in figures.get("scores", {}).items()]
    return pd.DataFrame(slides), pd.DataFrame(scores, columns=None if scores else ["trait", "slide_id", "patient_id", "ensemble"])


def _internal(models: FrozenModels) -> pd.DataFrame:
    """Return what the study found on its own test patients, by patient; empty where it has not evaluated itself."""
    columns = ["trait", "model", "n", "value", "low", "high"]
    file = models.study.layout.table("metrics")
    if not file.is_file():
        return pd.DataFrame(columns=columns)
    table = pd.read_csv(file, dtype={"trait": str})
    chosen = (table["set"] == "test") & (table["level"] == "patient") & (table["metric"] == "auroc")
    return table.loc[chosen & table["trait"].isin(models.trait_names), columns].reset_index(drop=True)


def _write(found: External, layout: Layout) -> None:
    tables = {
        "slides": found.slides,
        "excluded": found.cohort.excluded,
        "patients": found.patients,
        "metrics": found.metrics,
        "correlations": found.correlations,
        "roc": found.roc,
        "weights": pd.DataFrame(list(_weight_rows(found)), columns=["file", "sha256_before", "sha256_after"]),
    }
    for name, table in tables.items():
        write_csv(table, layout.table(name))


def _weight_rows(found: External) -> Iterator[tuple[str, str, str]]:
    for name, before in found.models.weights.items():
        yield name, before, found.weights_after[name]
