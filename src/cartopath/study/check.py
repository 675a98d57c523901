"""Looking at a whole cohort before hours are spent: every slide opened, every table joined, every problem named."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cartopath.cohort import (
    Clinical,
    Finding,
    MolecularTable,
    draw_folds,
    draw_rounds,
    find_column,
    findings_table,
    join_findings,
    label_findings,
    open_molecular,
    read_clinical,
    read_slides,
    sort_findings,
    survival_findings,
)
from cartopath.cohort.slide_table import SLIDE_COLUMNS
from cartopath.core.errors import CartopathError, SlideError, SplitError, TraitError
from cartopath.core.geometry import window_px0
from cartopath.slides import open_slide, slide_tissue
from cartopath.store.artifacts import write_csv
from cartopath.store.hashing import file_identity
from cartopath.study.executors import make_executor
from cartopath.study.identity import identity_findings
from cartopath.study.run import Silent, Stage, Study, Watcher, completed_figures, run_tasks
from cartopath.study.stages.cohort import exclusions
from cartopath.study.stages.divide import label_values
from cartopath.study.stages.identity import remember_check
from cartopath.study.stages.values import measured_values
from cartopath.study.tasks import Result, Task, task_key

VERSION = 1
MIXED_MPP = 1.5
"""Slides whose resolutions differ by more than this factor are pointed out."""

MIN_TISSUE_MM2 = 0.1
"""Slides with less tissue are pointed out."""


@dataclass(frozen=True)
class Checked:
    """What a check found.

    Attributes:
        findings: Everything, worst first.
        slides: One row per slide that could be opened: slide_id, mpp, mpp_source, width_px0, height_px0, backend, tissue_mm2.
    """

    findings: list[Finding]
    slides: pd.DataFrame

    @property
    def is_ready(self) -> bool:
        """Whether a run can start."""
        return all(finding.severity != "error" for finding in self.findings)


def check_cohort(study: Study, *, also: Iterable[Finding] = (), watcher: Watcher | None = None) -> Checked:
    """Check a study's slides and tables, write tables/findings.csv, and return what was found.

    Args:
        study: The study.
        also: What its method has to say.
        watcher: Sees the slides being opened.
    """
    findings: list[Finding] = list(also)
    slides = _slide_table(study, findings)
    opened = _open_slides(study, slides, findings, watcher or Silent())
    molecular = _molecular(study, findings)
    clinical = _clinical(study, findings)
    findings += _joined(study, slides, molecular, clinical)
    findings += [] if clinical is None else _columns(study, clinical)
    for table in molecular:
        findings += [] if clinical is None else identity_findings(table, clinical)
    if study.config.molecular.trust_join:
        findings = [_trusted(finding) for finding in findings]
    findings = sort_findings(dict.fromkeys(findings))
    write_csv(findings_table(findings), study.layout.table("findings"))
    remember_check(study)
    return Checked(findings, opened)


def _trusted(finding: Finding) -> Finding:
    return dataclasses.replace(finding, severity="warning") if finding.code == "identity-contradicted" else finding


def _slide_table(study: Study, findings: list[Finding]) -> pd.DataFrame:
    config = study.config.slides
    try:
        return read_slides(study.path(config.dir), None if config.table is None else study.path(config.table))
    except CartopathError as error:
        findings.append(Finding("error", "table-unreadable", "slides", str(error)))
        return pd.DataFrame({column: pd.Series(dtype=object) for column in SLIDE_COLUMNS})


def _open_slides(study: Study, slides: pd.DataFrame, findings: list[Finding], watcher: Watcher) -> pd.DataFrame:
    """Open every slide that is not excluded, in a worker process; one that cannot be opened is a finding."""
    listed = slides[(slides["exclude"] == "") & (slides["path"] != "")].drop_duplicates("slide_id")
    tasks = [_plan_slide(study, row) for row in listed.to_dict("records")]
    stage = Stage("check", lambda _: tasks, "open every slide")
    with make_executor(study.config.compute, watcher.news) as executor:
        summary = run_tasks(stage, tasks, study.layout, executor, watcher)
    for outcome in summary.failed:
        findings.append(Finding("error", "slide-unusable", outcome.task.name, outcome.reason.splitlines()[0]))
    failed = {outcome.task.name for outcome in summary.failed}
    rows = [
        {"slide_id": task.name, **completed_figures(study.layout, "check", task.name)}
        for task in tasks
        if task.name not in failed
    ]
    opened = pd.DataFrame(rows, columns=["slide_id", *_MEASURES])
    findings += _slide_findings(opened)
    return opened


_MEASURES = ("mpp", "mpp_source", "width_px0", "height_px0", "backend", "tissue_mm2")


def _plan_slide(study: Study, row: dict[str, Any]) -> Task:
    path = Path(row["path"])
    stated = None if pd.isna(row["mpp"]) else float(row["mpp"])
    assumed = study.config.slides.assume_mpp
    # A slide that cannot be read even here gets its message from the task, in a worker.
    identity = file_identity(path) if os.access(path, os.R_OK) else "unreadable"
    key = task_key(
        "check", VERSION, slide=identity, mpp=[stated, assumed], wanted=[study.config.tiles.size_px, study.config.tiles.mpp]
    )
    arguments = {
        "path": path,
        "stated": stated,
        "assumed": assumed,
        "wanted_mpp": study.config.tiles.mpp,
        "tile_px": study.config.tiles.size_px,
    }
    return Task("check", str(row["slide_id"]), key, open_for_check, arguments, ())


def open_for_check(*, path: Path, stated: float | None, assumed: float | None, wanted_mpp: float, tile_px: int) -> Result:
    """Open a slide, look at its thumbnail and read one region; return what it is.

    Raises:
        SlideError: It cannot be opened or read, has no resolution, or is too coarse for the tiles.
    """
    with open_slide(path, mpp=stated, assume_mpp=assumed) as slide:
        if slide.mpp > 1.1 * wanted_mpp:
            raise SlideError(f"{path}: {slide.mpp:.4g} um per pixel is coarser than tiles.mpp {wanted_mpp:g}: raise tiles.mpp")
        tissue = slide_tissue(slide, window_px0(tile_px, wanted_mpp, slide.mpp))
        size = slide.dimensions_px0
        area_mm2 = tissue.share * size.to_um(slide.mpp).width * size.to_um(slide.mpp).height / 1e6
        slide.read_region(size.width // 2, size.height // 2, 0, min(64, size.width // 2), min(64, size.height // 2))
        return {
            "mpp": slide.mpp,
            "mpp_source": slide.resolution.source,
            "width_px0": size.width,
            "height_px0": size.height,
            "backend": slide.backend,
            "tissue_mm2": round(area_mm2, 3),
        }


def _slide_findings(opened: pd.DataFrame) -> Iterator[Finding]:
    if opened.empty:
        return
    low, high = opened["mpp"].min(), opened["mpp"].max()
    if high > MIXED_MPP * low:
        message = f"slides of {low:.4g} to {high:.4g} um per pixel; tiles are cut by physical size, so this is fine if it is true"
        yield Finding("info", "mixed-resolution", "slides", message)
    assumed = opened[opened["mpp_source"] == "assume_mpp"]
    if len(assumed):
        message = f"{len(assumed)} slides state no resolution and take slides.assume_mpp"
        yield Finding("warning", "assumed-mpp", "slides", message)
    empty = opened[opened["tissue_mm2"] < MIN_TISSUE_MM2]
    if len(empty):
        names = ", ".join(empty["slide_id"].head(5))
        yield Finding(
            "warning", "little-tissue", "slides", f"{len(empty)} slides have less than {MIN_TISSUE_MM2} mm2 of tissue: {names}"
        )


def _molecular(study: Study, findings: list[Finding]) -> list[MolecularTable]:
    tables = []
    for path in study.config.molecular.table:
        try:
            table = open_molecular(study.path(path), format=study.config.molecular.format)
            n_patients, n_features = len(table.patients), len(table.features)
        except (CartopathError, OSError) as error:
            findings.append(Finding("error", "table-unreadable", str(path), str(error)))
            continue
        message = f"{table.format}, {table.unit}: {n_features:,} features of {n_patients:,} patients"
        findings.append(Finding("info", "table-read", path.name, message))
        tables.append(table)
    return tables


def _clinical(study: Study, findings: list[Finding]) -> Clinical | None:
    path = study.config.clinical.table
    if path is None:
        return None
    try:
        clinical = read_clinical(study.path(path))
    except (CartopathError, OSError) as error:
        findings.append(Finding("error", "table-unreadable", str(path), str(error)))
        return None
    findings.append(Finding("info", "table-read", path.name, f"{clinical.format}: {len(clinical.patients):,} patients"))
    return clinical


def _columns(study: Study, clinical: Clinical) -> Iterator[Finding]:
    """Yield the clinical columns that the study asks for and that are not there."""
    survival = study.config.survival
    for column in dict.fromkeys([*survival.covariates, *survival.strata, *survival.groups]):
        try:
            find_column(clinical, column)
        except TraitError as error:
            yield Finding("error", "survival-column-missing", column, str(error))


def _joined(study: Study, slides: pd.DataFrame, molecular: list[MolecularTable], clinical: Clinical | None) -> Iterator[Finding]:
    patients = {patient for table in molecular for patient in table.patients}
    yield from join_findings(slides, patients if molecular else None, clinical)
    if clinical is not None:
        survival = study.config.survival
        followed = set(slides.loc[slides["exclude"] == "", "patient_id"]) - {""}
        columns = {"time_column": survival.time_column, "status_column": survival.status_column, "time_unit": survival.time_unit}
        yield from survival_findings(clinical, survival.endpoint, patients=followed, **columns)
    left_out = exclusions(slides, study.config.slides.kind)
    with_slides = sorted({patient for patient, reason in zip(slides["patient_id"], left_out, strict=True) if not reason})
    splits = None
    if with_slides:
        try:
            splits = _splits(study, with_slides)
        except SplitError as error:
            yield Finding("error", "cannot-split", "patients", str(error))
    for trait in study.config.traits:
        try:
            values, source = measured_values([trait], molecular, clinical)[trait.name]
            labels = None if splits is None else label_values(trait.name, values, splits, study.config.labels, source, round_=0)
        except CartopathError as error:
            yield Finding("error", "trait-unusable", trait.name, str(error))
            continue
        if labels is not None:
            yield from label_findings({trait.name: labels}, splits, patients=with_slides)


def _splits(study: Study, patients: list[str]) -> pd.DataFrame:
    config = study.config.splits
    if config.scheme == "folds":
        return draw_folds(patients, k=config.rounds, seed=study.config.seed)
    return draw_rounds(
        patients,
        test=config.test,
        validation=config.validation,
        rounds=config.rounds,
        seed=study.config.seed,
        mode=config.mode,
    )
