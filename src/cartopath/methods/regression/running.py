"""A regression from beginning to end: features and a molecular table in, out-of-fold predictions and their judgement out."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.core.errors import SplitError
from cartopath.methods.regression.absent import absence_notes, absent_patients, shortage
from cartopath.methods.regression.asked_genes import check_attention, find_asked
from cartopath.methods.regression.attention import write_attention
from cartopath.methods.regression.composition import read_composition
from cartopath.methods.regression.control import Control
from cartopath.methods.regression.division import Part, divide
from cartopath.methods.regression.evaluation import Arm, Judged, arm_row, judge
from cartopath.methods.regression.expression import Expression, open_table, read_expression
from cartopath.methods.regression.out_of_fold import OutOfFold, Telling
from cartopath.methods.regression.patients import Patients, common_patients, read_patients
from cartopath.methods.regression.result import Regression
from cartopath.methods.regression.settings import Inputs, Machine, Settings
from cartopath.training.feature_files import find_feature_files

RIDGE, COMPOSITION = "ridge", "composition"


def regress(
    inputs: Inputs, settings: Settings, out: Path, *, machine: Machine | None = None, tell: Telling | None = None
) -> Regression:
    """Predict the expression of genes from features of tiles, patient by patient, by models that never saw the patient.

    Predictions of each fold are kept in `work` of the folder, from which the same call goes on after it was stopped.

    Args:
        inputs: Features and measurements.
        settings: What is asked.
        out: Folder for everything; tables are not written, see `Regression.write`.
        machine: What may be used.
        tell: Told of progress.

    Raises:
        CartopathError: Features, table or settings cannot be used; the message says what to do.
    """
    say: Telling = tell or (lambda what, done, of: None)
    table = open_table(inputs)
    asked = find_asked(table, settings, inputs)  # before features, which take long to read
    sources = _sources(inputs, settings, table.patients, say)
    patients = sources[0]
    expression = read_expression(table, asked, settings, patients.names)
    check_attention(settings, expression.values.columns.tolist())
    parts, splits = _divided(patients, settings, len(table.patients))
    found = OutOfFold(expression, parts, settings, machine or Machine(), out, say)
    heads = _heads(found, sources, inputs, settings)
    baselines, note = _baselines(found, sources, inputs)
    control = found.control(settings.heads[0], patients) if settings.control else None
    seen = {}
    for number, gene in enumerate(settings.attention):
        seen[gene] = write_attention(out / "attention", found.models, gene, patients, parts)
        say("attention", number + 1, len(settings.attention))
    judged = _judged(found, expression, heads, baselines, settings, say)
    return _regression(inputs, settings, patients, expression, splits, found, judged, baselines[0].name, note, control, seen)


def _sources(inputs: Inputs, settings: Settings, measured: Sequence[str], say: Telling) -> list[Patients]:
    """Return the patients with each kind of features, the same patients in the same order for all."""
    folders = (inputs.features, *inputs.also)
    for folder in folders:
        find_feature_files(folder)  # whether it holds any: the others take long to read
    sources = []
    for folder in folders:
        own = dataclasses.replace(inputs, features=folder)
        sources.append(read_patients(own, settings, measured, progress=partial(say, f"features of {folder.name}")))
    common = common_patients(sources, [folder.name for folder in folders])
    unreadable = tuple(one for source in sources for one in source.unreadable)
    return [dataclasses.replace(_with_absent(common[0], measured), unreadable=unreadable), *common[1:]]


def _with_absent(patients: Patients, measured: Sequence[str]) -> Patients:
    absent = absent_patients(patients, measured)
    notes = (*absence_notes(absent, len(measured)), *patients.notes)
    return dataclasses.replace(patients, absent=absent, notes=notes)


def _divided(patients: Patients, settings: Settings, n_measured: int) -> tuple[list[Part], pd.DataFrame]:
    try:
        return divide(patients.names, folds=settings.folds, repeats=settings.repeats, seed=settings.seed)
    except SplitError as error:
        raise SplitError(f"{error}{shortage(patients, n_measured)}") from error


def _labels(sources: Sequence[Patients], inputs: Inputs) -> list[str]:
    """Return what features beside the first are called: by their encoder, or where that is no name of one, by their folder."""
    names = [source.encoder for source in sources]
    return [name if name and names.count(name) == 1 else folder.name for name, folder in zip(names[1:], inputs.also, strict=True)]


def _heads(found: OutOfFold, sources: Sequence[Patients], inputs: Inputs, settings: Settings) -> list[Arm]:
    """Return all heads on the features, then the first head on other features."""
    first = settings.heads[0]
    arms = [found.head(head, head, sources[0], keeps=head == first) for head in settings.heads]
    for label, source in zip(_labels(sources, inputs), sources[1:], strict=True):
        arms.append(found.head(f"{first} ({label})", first, source))
    return arms


def _baselines(found: OutOfFold, sources: Sequence[Patients], inputs: Inputs) -> tuple[list[Arm], str]:
    """Return the baselines, the one to beat first, and why it is this one."""
    ridges = [found.ridge(RIDGE, _means(sources[0]))]
    for label, source in zip(_labels(sources, inputs), sources[1:], strict=True):
        ridges.append(found.ridge(f"{RIDGE} ({label})", _means(source)))
    composition = read_composition(sources[0], inputs.slide_dir, inputs.slides)
    if composition.vectors is None:
        return ridges, (
            "The baseline is ridge regression on the mean of each patient's features. Composition (mean colour, stain and "
            f"density of nuclei) could not be one: {composition.reason}."
        )
    note = (
        "The baseline is ridge regression on the composition of the tissue: mean colour, stain and density of nuclei of some "
        "tiles of each slide. Ridge on the mean features stands beside it."
    )
    return [found.ridge(COMPOSITION, composition.vectors), *ridges], note


def _means(patients: Patients) -> NDArray[np.float64]:
    """Return the mean features of each patient, (n_patients, n_features)."""
    return np.array([bag.features.mean(axis=0, dtype=np.float64) for bag in patients.bags])


def _judged(
    found: OutOfFold, expression: Expression, heads: Sequence[Arm], baselines: Sequence[Arm], settings: Settings, say: Telling
) -> list[Judged]:
    measured, folds = found.measured(), found.folds()
    baseline, first = baselines[0], heads[0]
    judged: list[Judged] = []
    for arm in (*heads, *baselines):
        say("judging", len(judged), len(heads) + len(baselines))
        others = [baseline] if arm is first else [baseline, first]
        judged.append(judge(arm, measured, expression.genes, others, baseline.name, groups=folds, seed=settings.seed))
    say("judging", len(judged), len(judged))
    return judged


def _regression(
    inputs: Inputs,
    settings: Settings,
    patients: Patients,
    expression: Expression,
    splits: pd.DataFrame,
    found: OutOfFold,
    judged: Sequence[Judged],
    baseline: str,
    note: str,
    control: Control | None,
    seen: dict[str, int],
) -> Regression:
    return Regression(
        inputs=inputs,
        settings=settings,
        patients=patients,
        expression=expression,
        splits=splits,
        measured=found.measured(),
        judged=judged,
        baseline=baseline,
        baseline_note=note,
        arms=pd.DataFrame([arm_row(one, baseline, judged[0].arm.name) for one in judged]),
        genes=pd.concat([one.genes for one in judged], ignore_index=True),
        training=found.training,
        control=control,
        n_attention_slides=seen,
    )
