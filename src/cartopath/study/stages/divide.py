"""Dividing patients into sets once, for all traits, and drawing each trait's classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from cartopath.cohort import TraitLabels, binary_labels, draw_folds, draw_rounds, trait_labels, write_splits
from cartopath.core.errors import LabelError, SplitError
from cartopath.store.artifacts import Header, read_header, read_table, write_table
from cartopath.study.config import AttentionConfig, LabelsConfig, MethodConfig, SplitsConfig
from cartopath.study.run import Study
from cartopath.study.stages.cohort import content_key, included_records
from cartopath.study.tasks import Result, Task, task_key

VERSION = 1


def plan_splits(study: Study) -> list[Task]:
    """Return the task that divides all patients with a slide.

    Raises:
        SplitError: The patients are others than when the splits were drawn, and nobody asked for new splits.
    """
    patients = sorted({record.patient_id for record in included_records(study)})
    rule = {**study.config.splits.model_dump(mode="json"), "seed": study.config.seed}
    key = task_key("splits", VERSION, patients=patients, rule=rule)
    out = study.layout.splits
    if out.is_file() and not study.redraw_splits:
        _refuse_silent_redraw(out, patients, rule)
    arguments = {"patients": patients, "config": study.config.splits, "seed": study.config.seed, "out": out, "key": key}
    arguments["rule"] = rule
    return [Task.essential("splits", "all", key, divide_patients, arguments, (out,))]


def divide_patients(*, patients: list[str], config: SplitsConfig, seed: int, rule: dict[str, Any], out: Path, key: str) -> Result:
    """Draw the splits and write one row per patient and round."""
    table = draw_splits(patients, config, seed=seed)
    write_splits(table, out, seed=seed, key=key, meta={"rule": rule})
    counts = table[table["round"] == 0]["set"].value_counts()
    return {"patients": len(patients), **{name: int(counts.get(name, 0)) for name in ("train", "validation", "test")}}


def draw_splits(patients: list[str], config: SplitsConfig, *, seed: int) -> pd.DataFrame:
    """Return the sets as the study file asks for them: `patient_id`, `round`, `set`.

    Raises:
        SplitError: There are too few patients.
    """
    if config.scheme == "folds":
        return draw_folds(patients, k=config.rounds, seed=seed)
    return draw_rounds(
        patients, test=config.test, validation=config.validation, rounds=config.rounds, seed=seed, mode=config.mode
    )


def _refuse_silent_redraw(path: Path, patients: list[str], rule: dict[str, Any]) -> None:
    if read_header(path, "splits").meta.get("rule") != rule:
        return  # The study file asks for other splits.
    known = set(read_table(path, "splits")["patient_id"])
    new, gone = sorted(set(patients) - known), sorted(known - set(patients))
    if new or gone:
        examples = ", ".join([*new[:3], *gone[:3]])
        raise SplitError(
            f"{path}: drawn for {len(known)} patients; {len(new)} are new and {len(gone)} are gone ({examples}). New splits move "
            "patients between training and test, so they are not drawn silently: run with --redraw-splits to draw them, "
            "or exclude the new slides in the slide table"
        )


def read_splits(study: Study) -> pd.DataFrame:
    """Return the splits: patient_id, round, set (train, validation, test)."""
    return read_table(study.layout.splits, "splits")


def master_sets(splits: pd.DataFrame) -> pd.Series:
    """Return by patient `test` or `train_validation`.

    With rounds, test patients are the same in all; with folds, every patient is a test patient of one fold.
    """
    is_test = splits["set"].eq("test").groupby(splits["patient_id"]).any()
    return is_test.map({True: "test", False: "train_validation"})


def plan_labels(study: Study) -> list[Task]:
    """Return one task per trait that draws its classes."""
    values = read_table(study.layout.values, "values")
    kinds = read_header(study.layout.values, "values").meta["traits"]
    splits = read_splits(study)
    tasks = []
    for trait in study.config.traits:
        own = values[values["trait"] == trait.name]
        config = study.config.labels
        inputs = {"values": content_key(own), "splits": content_key(splits), "config": config.model_dump(mode="json")}
        key = task_key("labels", VERSION, trait=trait.name, source=kinds[trait.name], **inputs)
        out = study.layout.labels(trait.name)
        arguments = {
            "trait": trait.name,
            "values": own.set_index("patient_id")["value"],
            "splits": splits,
            "config": config,
            "source": kinds[trait.name],
            "out": out,
            "key": key,
        }
        tasks.append(Task.essential("labels", trait.name, key, draw_labels, arguments, (out,)))
    return tasks


def draw_labels(
    *, trait: str, values: pd.Series, splits: pd.DataFrame, config: LabelsConfig, source: dict[str, Any], out: Path, key: str
) -> Result:
    """Write one row per patient and round: value, label, median label, decile, ood.

    Thresholds come from patients who are not in the round's test set (decision A2), or from everybody when the study asks for it.
    """
    tables, thresholds = [], []
    for round_ in sorted(splits["round"].unique()):
        labels = label_values(trait, values, splits, config, source, round_=int(round_))
        tables.append(labels.table.assign(round=round_))
        thresholds.append(labels.thresholds)
    table = pd.concat(tables, ignore_index=True)
    meta = {"trait": trait, "thresholds": thresholds, "config": config.model_dump(mode="json"), "source": source}
    write_table(table, out, Header(kind="labels", key=key, meta=meta))
    first = tables[0]["label"]
    return {"n_high": int((first == "hi").sum()), "n_low": int((first == "lo").sum()), "n_ood": int((first == "").sum())}


def label_values(
    trait: str, values: pd.Series, splits: pd.DataFrame, config: LabelsConfig, source: dict[str, Any], *, round_: int
) -> TraitLabels:
    """Return the classes of one trait in one round, for the patients of the splits.

    Raises:
        LabelError: Nobody has a value, or the values do not divide the patients.
    """
    split = splits[splits["round"] == round_]
    own = values[values.index.isin(set(split["patient_id"]))].rename(trait)
    if own.empty:
        raise LabelError(
            f"{trait}: none of the {len(split)} patients with a slide has a value; do the barcodes of the tables agree?"
        )
    if source["kind"] == "binary":
        return binary_labels(own.map({1.0: "positive", 0.0: "negative"}))
    fit = split if config.scope == "cohort" else split[split["set"] != "test"]
    return trait_labels(own, fit_patients=set(fit["patient_id"]), low=config.low, high=config.high)


def read_labels(study: Study, trait: str) -> pd.DataFrame:
    """Return the classes of a trait: one row per patient and round."""
    return read_table(study.layout.labels(trait), "labels")


def labels_meta(study: Study, trait: str) -> dict[str, Any]:
    """Return where a trait's classes come from: thresholds by round, source, unit."""
    return read_header(study.layout.labels(trait), "labels").meta


def learns_values(study: Study, trait: str) -> bool:
    """Whether heads learn the measured values of a trait rather than its classes: then whoever has a value can train them."""
    if not isinstance(study.config.method, AttentionConfig):
        return False
    return learns_values_of(study.config.method, labels_meta(study, trait)["source"])


def learns_values_of(method: MethodConfig, source: dict[str, Any]) -> bool:
    """Whether a method learns the values of a trait from this source (see `measured_values`) rather than its classes."""
    if not isinstance(method, AttentionConfig):
        return False
    return method.target == "regression" or (method.target == "auto" and source["kind"] == "measured")


def taught_by(study: Study, trait: str, labels: pd.DataFrame) -> pd.Series:
    """Return for each row of a trait's labels whether networks can have learned from it, should it be in their training set."""
    return labels["value"].notna() if learns_values(study, trait) else labels["label"] != ""


def evaluation_labels(labels: pd.DataFrame, splits: pd.DataFrame) -> pd.DataFrame:
    """Return one row per patient: the classes drawn without that patient where it is a test patient of some round."""
    test_rounds = splits[splits["set"] == "test"].groupby("patient_id")["round"].min()
    wanted = labels["patient_id"].map(test_rounds).fillna(0).astype(int)
    return labels[labels["round"] == wanted].drop(columns="round").set_index("patient_id")
