"""How well frozen models tell the external cohort's own classes: AUROC by round, their mean and the ensemble, ROC curves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from cartopath.core.rng import stream
from cartopath.methods.external.classes import TraitClasses
from cartopath.stats import Estimate, correlation, roc_curve
from cartopath.stats.paired import Judged, compare_aurocs

SETS = {"class": "label", "median": "median_label"}
"""What patients are told apart by: the cohort's classes, or for measured traits both sides of its median."""
METRIC_COLUMNS = ["trait", "set", "model", "n", "n_high", "n_low", "value", "low", "high", "reason"]
ROC_COLUMNS = ["trait", "set", "model", "threshold", "false_positive_rate", "true_positive_rate"]
CORRELATION_COLUMNS = ["trait", "kind", "n", "r", "low", "high", "p_value", "reason"]


def patient_table(slides: pd.DataFrame, classes: dict[str, TraitClasses], models: Sequence[str]) -> pd.DataFrame:
    """Return one row per trait and patient: classes, value, number of slides, and the mean score of the slides by each model.

    Args:
        slides: trait, slide_id, patient_id and a column per model.
        classes: Of each trait.
        models: `round_...` and `ensemble`.
    """
    parts = []
    for trait, rows in slides.groupby("trait", sort=False):
        own = rows.groupby("patient_id", sort=True)
        table = own[list(models)].mean().assign(n_slides=own.size())
        labelled = classes[str(trait)].table.reindex(table.index)
        table = labelled.assign(label=labelled["label"].fillna(""), median_label=labelled["median_label"].fillna("")).join(table)
        parts.append(table.reset_index(names="patient_id").assign(trait=trait))
    columns = ["trait", "patient_id", "value", "label", "median_label", "n_slides", *models]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def metric_rows(patients: pd.DataFrame, rounds: dict[str, list[int]], *, seed: int) -> Iterator[dict[str, Any]]:
    """Yield AUROCs with their intervals: of every round or fold, of their mean (with least and most), and of the ensemble."""
    for trait, own in patients.groupby("trait", sort=False):
        names = [f"round_{round_}" for round_ in rounds[str(trait)]]
        for set_, column in SETS.items():
            rows = own[own[column] != ""]
            if rows.empty:
                continue
            truth = (rows[column] == "hi").to_numpy()
            counts = {"n": len(rows), "n_high": int(truth.sum()), "n_low": int((~truth).sum())}
            common = {"trait": trait, "set": set_, **counts}
            found = {}
            for model in [*names, "ensemble"]:
                found[model] = _auroc([model], rows, truth, stream(seed, "external", str(trait), set_, model))
                yield {**common, "model": model, **_fields(found[model])}
            mean = _auroc(names, rows, truth, stream(seed, "external", str(trait), set_, "mean"))
            yield {**common, "model": "rounds_mean", **_fields(mean)}
            known = [value for model in names if (value := found[model].value) is not None]
            for model, value in (("rounds_min", min(known, default=None)), ("rounds_max", max(known, default=None))):
                yield {**common, "model": model, **_fields(Estimate(value, None, None, len(rows), mean.reason))}


def _auroc(models: list[str], rows: pd.DataFrame, truth: np.ndarray, rng: np.random.Generator) -> Estimate:
    """Return the AUROC of a model, or the mean of several on the same patients, who are drawn together."""
    parts = [Judged(truth, [rows[model].to_numpy(dtype=float)], rows["patient_id"]) for model in models]
    return compare_aurocs(parts, rng=rng)[0].estimate


def _fields(estimate: Estimate) -> dict[str, Any]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high, "reason": estimate.reason}


def roc_rows(patients: pd.DataFrame, rounds: dict[str, list[int]]) -> Iterator[pd.DataFrame]:
    """Yield the ROC curve of every round and the ensemble, where both classes are there."""
    for trait, own in patients.groupby("trait", sort=False):
        for set_, column in SETS.items():
            rows = own[own[column] != ""]
            truth = (rows[column] == "hi").to_numpy()
            if truth.all() or not truth.any():
                continue
            for model in [*(f"round_{round_}" for round_ in rounds[str(trait)]), "ensemble"]:
                curve = roc_curve(truth, rows[model].to_numpy(dtype=float))
                content = {"trait": trait, "set": set_, "model": model, "threshold": curve.threshold}
                content |= {"false_positive_rate": curve.false_positive_rate, "true_positive_rate": curve.true_positive_rate}
                yield pd.DataFrame(content)


def correlation_rows(patients: pd.DataFrame, classes: dict[str, TraitClasses]) -> Iterator[dict[str, Any]]:
    """Yield the correlation of the ensemble's score with the measured value over all patients who have one."""
    for trait, own in patients.groupby("trait", sort=False):
        if classes[str(trait)].kind != "measured" or classes[str(trait)].reason:
            continue
        for kind in ("spearman", "pearson"):
            found = correlation(own["ensemble"].to_numpy(dtype=float), own["value"].to_numpy(dtype=float), kind=kind)
            fields = {"n": found.n, "r": found.r, "low": found.low, "high": found.high, "p_value": found.p_value}
            yield {"trait": trait, "kind": kind, **fields, "reason": found.reason}
