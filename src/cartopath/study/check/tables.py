"""The tables of a check: whether they can be read, whether they join, and what each trait is left with."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pandas as pd

from cartopath.cohort import (
    Clinical,
    Finding,
    MolecularTable,
    find_column,
    join_findings,
    label_findings,
    slide_findings,
    survival_findings,
)
from cartopath.core.errors import CartopathError, SplitError, TraitError
from cartopath.study.config import SurvivalConfig
from cartopath.study.inputs import ClinicalInput, MolecularInput
from cartopath.study.run import Study
from cartopath.study.stages.cohort import exclusions
from cartopath.study.stages.divide import draw_splits, label_values, learns_values_of
from cartopath.study.stages.values import measured_values

_ABOUT_PATIENTS = {"slide-without-patient", "patient-without-dx1", "patient-without-usable-slide"}


def molecular_tables(study: Study, findings: list[Finding]) -> list[MolecularTable]:
    """Return the molecular tables that can be read, and add what there is to say of each to the findings."""
    molecular, tables = MolecularInput.of(study), []
    for source in molecular.sources:
        path = source.path
        try:
            table = molecular.open(source)
            n_patients, n_features = len(table.patients), len(table.features)
        except (CartopathError, OSError) as error:
            findings.append(Finding("error", "table-unreadable", path.name, str(error)))
            continue
        scale = "" if table.transform == "none" else f" ({table.transform})"
        message = f"{table.format}, {table.unit}{scale}: {n_features:,} features of {n_patients:,} patients"
        findings.append(Finding("info", "table-read", path.name, message))
        findings += [Finding("warning", "table-note", path.name, note) for note in table.notes]
        tables.append(table)
    return tables


def clinical_table(study: Study, findings: list[Finding]) -> Clinical | None:
    """Return the clinical table, or None where there is none or it cannot be read, which is a finding."""
    tables = ClinicalInput.of(study)
    if not tables:
        return None
    try:
        clinical = tables.read()
    except (CartopathError, OSError) as error:
        findings.append(Finding("error", "table-unreadable", tables.tables[0].name, str(error)))
        return None
    message = f"{clinical.format}: {len(clinical.patients):,} patients"
    findings.append(Finding("info", "table-read", tables.tables[0].name, message))
    return clinical


def column_findings(study: Study, clinical: Clinical) -> Iterator[Finding]:
    """Yield the clinical columns that the study asks for and that are not there."""
    survival = study.config.survival
    for column in dict.fromkeys([*survival.covariates, *survival.strata, *survival.groups]):
        try:
            find_column(clinical, column)
        except TraitError as error:
            yield Finding("error", "survival-column-missing", column, str(error))


def join_and_trait_findings(
    study: Study, slides: pd.DataFrame, molecular: list[MolecularTable], clinical: Clinical | None
) -> Iterator[Finding]:
    """Yield where slides and tables do not fit together, and what each trait is left with.

    A folder of slides without tables and traits is not asked whose they are.
    """
    if not (study.config.traits or molecular or clinical):
        yield from (found for found in slide_findings(slides) if found.code not in _ABOUT_PATIENTS)
        return
    patients = {patient for table in molecular for patient in table.patients}
    yield from join_findings(slides, patients if molecular else None, clinical, kind=study.config.slides.kind)
    if clinical is not None:
        survival = study.config.survival
        followed = set(slides.loc[slides["exclude"] == "", "patient_id"]) - {""}
        columns = {"time_column": survival.time_column, "status_column": survival.status_column, "time_unit": survival.time_unit}
        for found in survival_findings(clinical, survival.endpoint, patients=followed, **columns):
            yield found if found.code != "survival-column-missing" else _lack_of_survival(found, survival)
    left_out = exclusions(slides, study.config.slides.kind)
    with_slides = sorted({str(patient) for patient, reason in zip(slides["patient_id"], left_out, strict=True) if not reason})
    splits = None
    if with_slides and study.config.traits:
        try:
            splits = draw_splits(with_slides, study.config.splits, seed=study.config.seed)
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
            by_value = learns_values_of(study.config.method, source)
            yield from label_findings({trait.name: labels}, splits, patients=with_slides, classes_teach=not by_value)


def _lack_of_survival(found: Finding, survival: SurvivalConfig) -> Finding:
    """Return a finding as a warning where nobody asked for survival: the table may be there for receptors or covariates alone."""
    if survival.time_column is not None or survival.status_column is not None:
        return found
    if "endpoint" not in survival.model_fields_set:
        return dataclasses.replace(found, severity="warning")
    return dataclasses.replace(found, message=f"{found.message}, or leave survival.endpoint out of the study file")
