"""How well each trait is seen: slide scores, AUROC by round and ensemble, correlation with what was measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from cartopath.core.rng import stream
from cartopath.stats import Estimate, auroc_ci, benjamini_hochberg, correlation
from cartopath.store.artifacts import write_csv
from cartopath.study.run import Study, completed_key
from cartopath.study.stages.divide import evaluation_labels, learns_values, master_sets, read_labels, read_splits
from cartopath.study.stages.published import published_beside
from cartopath.study.stages.scores import (
    ensemble_score,
    read_scores,
    round_columns,
    scored_records,
    scores_key,
    slide_score,
)
from cartopath.study.tasks import Result, Task, task_key

VERSION = 1
SETS = ("test", "ood_near", "ood_all")


def plan_evaluation(study: Study) -> list[Task]:
    """Return the task that writes slide_scores, metrics, correlations and, for the paper's own cohorts, published."""
    keys = {
        trait: [scores_key(study, trait, record.slide_id) for record in scored_records(study, [trait])]
        for trait in study.config.trait_names
    }
    labels = {trait: read_labels(study, trait).astype(str).to_dict("list") for trait in study.config.trait_names}
    key = task_key(
        "evaluate",
        VERSION,
        traits=study.config.trait_names,
        slides=completed_key(study.layout, "cohort", "slides"),
        splits=completed_key(study.layout, "splits", "all"),
        scores=keys,
        labels=labels,
        seed=study.config.seed,
        cohort=study.config.cohort,
        method=study.config.method.name,
    )
    names = ["slide_scores", "metrics", "correlations"] + (["published"] if study.config.cohort else [])
    outputs = tuple(study.layout.table(name) for name in names)
    return [Task.essential("evaluate", "all", key, evaluate, {"study": study}, outputs)]


def evaluate(*, study: Study) -> Result:
    """Write the tables that say how well each trait is seen."""
    scores = slide_scores(study)
    write_csv(scores, study.layout.table("slide_scores"))
    metrics = pd.DataFrame(list(_metric_rows(scores, study)), columns=_METRIC_COLUMNS)
    write_csv(metrics, study.layout.table("metrics"))
    correlations = correlation_table(scores)
    write_csv(correlations, study.layout.table("correlations"))
    study.layout.table("published").unlink(missing_ok=True)  # A study that is no longer of the paper's cohort has none.
    if study.config.cohort:
        write_csv(published_beside(study.config.cohort, metrics, correlations), study.layout.table("published"))
    return {"slides": int(scores["slide_id"].nunique()) if len(scores) else 0}


_SCORE_COLUMNS = [
    "trait",
    "slide_id",
    "patient_id",
    "set",
    "test_round",
    "role",
    "ood",
    "label",
    "median_label",
    "value",
    "decile",
    "n_tiles",
]


def slide_scores(study: Study) -> pd.DataFrame:
    """Return one row per trait and slide: what was measured, and the slide's score by each round and the ensemble."""
    splits = read_splits(study)
    sets = master_sets(splits)
    test_rounds = splits[splits["set"] == "test"].groupby("patient_id")["round"].min()
    rows = []
    for trait in study.config.trait_names:
        labels = evaluation_labels(read_labels(study, trait), splits)
        values_train = learns_values(study, trait)
        for record in scored_records(study, [trait]):
            tiles = read_scores(study, trait, record.slide_id)
            row: dict[str, Any] = {"trait": trait, "slide_id": record.slide_id, "patient_id": record.patient_id}
            row["set"] = sets.get(record.patient_id, "none")
            row["test_round"] = test_rounds.get(record.patient_id, pd.NA)
            row.update(_measured(labels, record.patient_id))
            if values_train and row["role"] == "ood" and row["set"] != "test":
                row["role"] = "trained"
            row["n_tiles"] = len(tiles)
            for name in round_columns(tiles):
                row[name] = slide_score(study.config.method, tiles, name)
            row["ensemble"] = ensemble_score(study.config.method.name, tiles)
            rows.append(row)
    rounds = [f"round_{i}" for i in range(study.config.splits.rounds)]
    return pd.DataFrame(rows).reindex(columns=[*_SCORE_COLUMNS, *rounds, "ensemble"])


def _measured(labels: pd.DataFrame, patient_id: str) -> dict[str, Any]:
    if patient_id not in labels.index:
        return {"role": "unmeasured", "ood": "", "label": "", "median_label": "", "value": np.nan, "decile": np.nan}
    row = labels.loc[patient_id]
    measured = {name: row[name] for name in ("ood", "label", "median_label", "value", "decile")}
    return {"role": "labelled" if row["label"] else "ood", **measured}


def in_set(scores: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the rows of an evaluation set, with the class to be recognised in the column `truth` (1 high, 0 low).

    `test`: labelled test patients. `ood_near`, `ood_all`: patients without a class, who therefore trained nothing, on either side
    of the median (METHODS of the paper: generalisation out of the training distribution); where heads learn measured values,
    those of the test set alone. `held_out`: `test` and `ood_all`.
    """
    is_test = (scores["set"] == "test") & (scores["role"] == "labelled")
    is_ood = (scores["role"] == "ood") & (scores["median_label"] != "")
    chosen = {"test": is_test, "ood_near": is_ood & (scores["ood"] == "near"), "ood_all": is_ood, "held_out": is_test | is_ood}[
        name
    ]
    rows = scores[chosen]
    labels = rows["label"] if name == "test" else rows["label"].where(rows["label"] != "", rows["median_label"])
    return rows.assign(truth=(labels == "hi").astype(int))


_METRIC_COLUMNS = ["trait", "set", "model", "level", "metric", "n", "n_high", "n_low", "value", "low", "high", "reason"]


def _metric_rows(scores: pd.DataFrame, study: Study) -> Iterator[dict[str, Any]]:
    rounds = round_columns(scores)
    is_folds = study.config.splits.scheme == "folds"
    for trait, own in scores.groupby("trait", sort=False):
        for name in SETS:
            rows = in_set(own, name)
            for level in ("slide", "patient"):
                group = rows if level == "slide" else _by_patient(rows, [*rounds, "ensemble"])
                common = {"trait": trait, "set": name, "level": level}
                estimates = {}
                for model in [*rounds, "ensemble"]:
                    # With folds, a network is only asked about the patients it has never seen.
                    seen = (
                        group[group["test_round"] == int(model.removeprefix("round_"))]
                        if is_folds and model != "ensemble"
                        else group
                    )
                    rng = stream(study.config.seed, "bootstrap", str(trait), name, model, level)
                    estimates[model] = _estimate(seen, model, rng)
                    yield {**common, **_counts(seen), "model": model, "metric": "auroc", **_fields(estimates[model])}
                yield from _over_rounds(common, group, [estimates[model].value for model in rounds])
                yield {**common, **_counts(group), "model": "ensemble", "metric": "accuracy", **_accuracy(group)}


def _by_patient(rows: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    how = dict.fromkeys(columns, "mean") | {"truth": "first", "test_round": "first"}
    return rows.groupby("patient_id", sort=True).agg(how).reset_index()


def _estimate(rows: pd.DataFrame, model: str, rng: np.random.Generator) -> Estimate:
    known = rows.dropna(subset=[model])
    return auroc_ci(known["truth"].to_numpy(), known[model].to_numpy(dtype=float), known["patient_id"].to_numpy(), rng=rng)


def _counts(rows: pd.DataFrame) -> dict[str, int]:
    n_high = int(rows["truth"].sum())
    return {"n": len(rows), "n_high": n_high, "n_low": len(rows) - n_high}


def _fields(estimate: Estimate) -> dict[str, Any]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high, "reason": estimate.reason}


def _over_rounds(common: dict[str, Any], rows: pd.DataFrame, values: list[float | None]) -> Iterator[dict[str, Any]]:
    known = [value for value in values if value is not None]
    for model, summary in (("rounds_mean", np.mean), ("rounds_min", np.min), ("rounds_max", np.max)):
        value = float(summary(known)) if known else None
        reason = "" if known else "no round has an AUROC on this set"
        fields = {"value": value, "low": None, "high": None, "reason": reason}
        yield {**common, **_counts(rows), "model": model, "metric": "auroc", **fields}


def _accuracy(rows: pd.DataFrame) -> dict[str, Any]:
    if rows.empty:
        return {"value": None, "reason": "no slide in this set"}
    return {"value": float(((rows["ensemble"] > 0.5).astype(int) == rows["truth"]).mean()), "reason": ""}


def correlation_table(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the correlation of the ensemble's slide score with what was measured, with q values over the traits."""
    rows = []
    for trait, own in scores.groupby("trait", sort=False):
        for name in ("test", "ood_near", "ood_all", "held_out"):
            group = in_set(own, name)
            for against in ("value", "decile", "label"):
                target = group["truth"] if against == "label" else group[against]
                for kind in ("spearman", "pearson"):
                    found = correlation(group["ensemble"].to_numpy(dtype=float), target.to_numpy(dtype=float), kind=kind)
                    fields = {"n": found.n, "r": found.r, "low": found.low, "high": found.high, "p_value": found.p_value}
                    rows.append({"trait": trait, "set": name, "against": against, "kind": kind, **fields, "reason": found.reason})
    columns = ["trait", "set", "against", "kind", "n", "r", "low", "high", "p_value", "reason"]
    table = pd.DataFrame(rows, columns=columns)
    table["q_value"] = np.nan
    for _, group in table.dropna(subset=["p_value"]).groupby(["set", "against", "kind"]):
        table.loc[group.index, "q_value"] = benjamini_hochberg(group["p_value"].to_numpy(dtype=float))
    return table[[*columns[:-1], "q_value", "reason"]]
