"""What patients' scores are worth, as tables: ROC curves with bands, AUROC, accuracy against coverage (F58, F59).

The same for the held-out patients of a study and for an external cohort that frozen models have scored.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from cartopath.core.rng import stream
from cartopath.stats import Estimate, auroc_ci, roc_curve
from cartopath.stats.abstention import abstention
from cartopath.stats.roc_band import roc_band

INTERNAL = "this study"
WHOLE = "all"
"""Model of a curve of all patients together."""
_COLUMNS = {
    "roc_curves": ["trait", "cohort", "model", "threshold", "false_positive_rate", "true_positive_rate"],
    "roc_bands": ["trait", "cohort", "model", "false_positive_rate", "low", "high"],
    "roc_areas": ["trait", "cohort", "model", "n", "n_high", "n_low", "value", "low", "high", "reason"],
    "abstention": [
        *("trait", "cohort", "least_tiles", "coverage", "n", "accuracy", "accuracy_low", "accuracy_high"),
        *("auroc", "auroc_low", "auroc_high"),
    ],
    "abstention_tests": ["trait", "cohort", "n", "value", "low", "high", "reason"],
}
TABLES = tuple(_COLUMNS)


def outcome_tables(patients: pd.DataFrame, *, cohort: str = INTERNAL, seed: int = 0) -> dict[str, pd.DataFrame]:
    """Return the tables `roc_curves`, `roc_bands`, `roc_areas`, `abstention` and `abstention_tests`.

    Args:
        patients: One row per trait and patient with a class: `trait`, `label` (hi, lo), `score` (-1 to +1, called positive above
            0), `n_tiles`; `test_round` where each patient was scored by one fold's networks, otherwise missing; one `round_<i>`
            per network that scored everybody.
        cohort: Name of the cohort.
        seed: Seed of the study.

    Returns:
        By name; with no rows where nothing is defined.
    """
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in _COLUMNS}
    for trait, own in patients.groupby("trait", sort=False):
        common = {"trait": trait, "cohort": cohort}
        for model, rows in _models(own):
            rng = stream(seed, "roc", str(trait), cohort, model)
            _add_curve(found, {**common, "model": model}, rows, rng, with_band=model == WHOLE)
        _add_abstention(found, common, own, stream(seed, "abstention", str(trait), cohort))
    return {name: pd.DataFrame(rows, columns=_COLUMNS[name]) for name, rows in found.items()}


def _models(own: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the name of each part and its patients, with the part's own scores in `score`; all patients first."""
    yield WHOLE, own
    folds = own["test_round"].dropna() if "test_round" in own else pd.Series(dtype=float)
    if len(folds) == len(own) and folds.nunique() > 1:
        for fold in sorted(folds.unique()):
            yield f"fold_{int(fold)}", own[own["test_round"] == fold]
        return
    names = [name for name in own.columns if name.startswith("round_") and own[name].notna().all()]
    for name in sorted(names, key=lambda one: int(one.removeprefix("round_"))):
        yield name, own.assign(score=own[name])


def _add_curve(
    found: dict[str, list[dict[str, Any]]],
    common: dict[str, Any],
    rows: pd.DataFrame,
    rng: np.random.Generator,
    *,
    with_band: bool,
) -> None:
    positive, score = (rows["label"] == "hi").to_numpy(), rows["score"].to_numpy(dtype=float)
    counts = {"n": len(rows), "n_high": int(positive.sum()), "n_low": int((~positive).sum())}
    area = auroc_ci(positive, score, rng=rng)
    found["roc_areas"].append({**common, **counts, **_estimate(area)})
    if area.value is None:
        return
    curve = roc_curve(positive, score)
    columns = (curve.threshold, curve.false_positive_rate, curve.true_positive_rate)
    names = _COLUMNS["roc_curves"][3:]
    found["roc_curves"] += [{**common, **dict(zip(names, point, strict=True))} for point in zip(*columns, strict=True)]
    band = roc_band(positive, score, rng=rng) if with_band else None
    if band is not None:
        edges = zip(band.false_positive_rate, band.low, band.high, strict=True)
        found["roc_bands"] += [{**common, "false_positive_rate": x, "low": low, "high": high} for x, low, high in edges]


def _add_abstention(
    found: dict[str, list[dict[str, Any]]], common: dict[str, Any], rows: pd.DataFrame, rng: np.random.Generator
) -> None:
    positive, score = (rows["label"] == "hi").to_numpy(), rows["score"].to_numpy(dtype=float)
    curve = abstention(positive, score, rows["n_tiles"].to_numpy(dtype=float), rng=rng)
    tells = {**common, "n": curve.tells.n, **_estimate(curve.tells)}
    right = curve.points[0].accuracy.value
    if curve.tells.value is None:
        tells["reason"] = f"all {curve.tells.n} answers are {'right' if right else 'wrong'}"
    found["abstention_tests"].append(tells)
    for point in curve.points:
        row = {**common, "least_tiles": point.least, "coverage": point.coverage, "n": point.accuracy.n}
        for name, estimate in (("accuracy", point.accuracy), ("auroc", point.auroc)):
            row |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
        found["abstention"].append(row)


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high, "reason": estimate.reason}
