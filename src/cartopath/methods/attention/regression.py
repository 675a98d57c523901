"""How well measured values are predicted, patient by patient: correlations, explained variance, error, calibration (F66, F67).

A patient is one bag, with the tiles of all slides. Predictions are in the units that heads learned; the ensemble is the mean over
the rounds that count, and with folds the one fold that never saw the patient.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cartopath.core.rng import stream
from cartopath.methods.attention.patients import patient_keys, patient_values
from cartopath.methods.attention.settings import METHOD
from cartopath.methods.attention.targets import TraitTarget, trait_target
from cartopath.methods.ensemble import chosen_rounds, own_folds, read_ensemble
from cartopath.stats import benjamini_hochberg, calibration, gene_metrics, holm
from cartopath.store.artifacts import write_csv
from cartopath.study.run import Study
from cartopath.study.stages.divide import learns_values, master_sets, read_splits
from cartopath.study.stages.scores import scored_records, scores_key
from cartopath.study.tasks import Result, Task, task_key
from cartopath.training.mil import read_mil_card

VERSION = 1
TABLES = ("regression", "regression_patients")
_PATIENT_COLUMNS = ["trait", "patient_id", "set", "test_round", "unit", "measured", "predicted", "standardised", "n_slides"]
_FIGURES = [
    *("pearson", "pearson_low", "pearson_high", "pearson_p", "spearman", "spearman_low", "spearman_high", "spearman_p"),
    *("r2", "mse"),
]
_LINE = ["slope", "slope_low", "slope_high", "intercept"]
COLUMNS = ["trait", "model", "unit", "n", *_FIGURES, "pearson_q", "pearson_holm", "spearman_q", "spearman_holm", *_LINE, "reason"]
_CORRECTED = ("pearson", "spearman")


def plan_regression(study: Study) -> list[Task]:
    """Return the task that writes regression and regression_patients; none where no trait is learned by its values."""
    traits = [trait for trait in study.config.trait_names if learns_values(study, trait) and scored_records(study, [trait])]
    if not traits:
        for name in TABLES:
            study.layout.table(name).unlink(missing_ok=True)
        return []
    key = task_key(
        "regression",
        VERSION,
        traits=traits,
        scores={t: [[r.slide_id, scores_key(study, t, r.slide_id)] for r in scored_records(study, [t])] for t in traits},
        patients={t: patient_keys(study, t, sorted({r.patient_id for r in scored_records(study, [t])})) for t in traits},
        seed=study.config.seed,
    )
    outputs = tuple(study.layout.table(name) for name in TABLES)
    return [Task.essential("regression", "all", key, write_regression, {"study": study, "traits": traits}, outputs)]


def write_regression(*, study: Study, traits: list[str]) -> Result:
    """Write what was measured and predicted of every test patient, and how well they agree."""
    patients = pd.concat([patient_predictions(study, trait) for trait in traits], ignore_index=True)
    rounds = [f"round_{r}" for r in range(study.config.splits.rounds)]
    write_csv(patients.reindex(columns=[*_PATIENT_COLUMNS, *rounds]), study.layout.table("regression_patients"))
    table = regression_table(patients, seed=study.config.seed)
    write_csv(table, study.layout.table("regression"))
    return {"traits": len(traits), "patients": int(patients["patient_id"].nunique())}


def patient_predictions(study: Study, trait: str) -> pd.DataFrame:
    """Return one row per test patient with a measured value: the value, and the predictions of the ensemble and of each round."""
    target = trait_target(study, trait)
    ensemble = read_ensemble(study.layout.ensemble(METHOD, trait))
    scales = {r: _scale(study, trait, r) for r in ensemble["rounds"]}
    splits, folds = read_splits(study), own_folds(study)
    sets = master_sets(splits)
    test_rounds = splits[splits["set"] == "test"].groupby("patient_id")["round"].min()
    slides: dict[str, list[str]] = {}
    for record in scored_records(study, [trait]):
        if sets.get(record.patient_id) == "test":
            slides.setdefault(record.patient_id, []).append(record.slide_id)
    rows = []
    for patient, own in sorted(slides.items()):
        measured = _measured(target, patient)
        if measured is None:
            continue
        fold = folds.get(patient)
        judged = {r: v for r, v in patient_values(study, trait, patient, own).items() if fold is None or r == fold}
        if not judged:
            continue
        chosen = [r for r in chosen_rounds(ensemble, fold) if r in judged]
        values = {r: scales[r][0] + scales[r][1] * v for r, v in judged.items()}
        row: dict[str, Any] = {"trait": trait, "patient_id": patient, "set": "test", "test_round": test_rounds[patient]}
        row |= {"unit": target.unit, "measured": measured, "n_slides": len(own)}
        row["predicted"] = float(np.mean([values[r] for r in chosen]))
        row["standardised"] = float(np.mean([judged[r] for r in chosen]))
        rows.append(row | {f"round_{r}": value for r, value in values.items()})
    return pd.DataFrame(rows, columns=None if rows else _PATIENT_COLUMNS)


def _scale(study: Study, trait: str, round_: int) -> tuple[float, float]:
    """Return mean and standard deviation of the values that a head learned from."""
    target = read_mil_card(study.layout.model(METHOD, trait, round_)).card["target"]
    return float(target["mean"]), float(target["sd"])


def _measured(target: TraitTarget, patient: str) -> float | None:
    known = next((own[patient] for own in target.values.values() if patient in own.index), None)
    return None if known is None else float(known)


def regression_table(patients: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Return one row per trait and model: the ensemble, and each round; p-values are corrected over the traits of a model.

    Args:
        patients: `trait`, `patient_id`, `unit`, `measured`, `predicted`, and `round_<i>` for each round.
        seed: Seed of the study.
    """
    rounds = sorted((c for c in patients.columns if c.startswith("round_")), key=lambda name: int(name.removeprefix("round_")))
    names = {"ensemble": "predicted"} | {name: name for name in rounds}
    parts = [_of_model(patients, model, column, seed) for model, column in names.items()]
    table = pd.concat(parts, ignore_index=True)
    order = {trait: i for i, trait in enumerate(dict.fromkeys(patients["trait"]))}
    return table.sort_values("trait", key=lambda some: some.map(order), kind="stable", ignore_index=True)[COLUMNS]


def _of_model(patients: pd.DataFrame, model: str, column: str, seed: int) -> pd.DataFrame:
    traits = list(dict.fromkeys(patients["trait"]))
    measured, predicted = (
        patients.pivot(index="patient_id", columns="trait", values=name)[traits].to_numpy(float) for name in ("measured", column)
    )
    found = gene_metrics(measured, predicted)
    table = pd.DataFrame({"trait": traits, "model": model, "n": found.n, **{name: getattr(found, name) for name in _FIGURES}})
    table["unit"] = [patients.loc[patients["trait"] == trait, "unit"].iloc[0] for trait in traits]
    for kind in _CORRECTED:
        table[f"{kind}_q"] = benjamini_hochberg(table[f"{kind}_p"].to_numpy())
        table[f"{kind}_holm"] = holm(table[f"{kind}_p"].to_numpy())
    table["reason"] = [_reason(n, r) for n, r in zip(found.n, found.pearson, strict=True)]
    lines = [_line(measured[:, i], predicted[:, i], stream(seed, "calibration", trait, model)) for i, trait in enumerate(traits)]
    return table.assign(**{name: [line[name] for line in lines] for name in _LINE})


def _reason(n: int, r: float) -> str:
    if np.isfinite(r):
        return ""
    return f"{n} test patients; a correlation needs at least 3" if n < 3 else "predictions or measurements do not vary"


def _line(measured: np.ndarray, predicted: np.ndarray, rng: np.random.Generator) -> dict[str, float | None]:
    known = np.isfinite(measured) & np.isfinite(predicted)
    if known.sum() < 3:
        return dict.fromkeys(_LINE)
    found = calibration(measured[known], predicted[known], n_bins=1, rng=rng)
    slope = {"slope": found.slope.value, "slope_low": found.slope.low, "slope_high": found.slope.high}
    return slope | {"intercept": found.intercept.value}
