"""How well each arm tells a trait, on the same patients: AUROC of the ensemble and by round, correlation with the measurement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from cartopath.core.rng import stream
from cartopath.methods.comparison.arm import Arm
from cartopath.stats import Estimate
from cartopath.stats.paired import Compared, Judged, compare_aurocs, compare_correlations
from cartopath.study.stages.divide import labels_meta
from cartopath.study.stages.evaluation import in_set
from cartopath.study.stages.scores import round_columns


def trait_performance(arms: Sequence[Arm], trait: str) -> list[dict[str, Any]]:
    """Return one row per arm: AUROC of the ensemble, mean AUROC of the rounds, and correlations; see `compared_fields`.

    AUROC is over test patients with a class; correlation over all held-out patients with a measured value.
    """
    test = _patients(arms, trait, "test")
    judged = Judged(test["truth"], _columns(test, arms, "ensemble"), test["patient_id"])
    figures = {"auroc": compare_aurocs([judged], rng=_rng(arms, trait, "ensemble"))}
    rounds = list(_rounds(arms, trait, test))
    if rounds:
        figures["rounds_auroc"] = compare_aurocs([part for _, part in rounds], rng=_rng(arms, trait, "rounds"))
    if labels_meta(arms[0].study, trait)["source"]["kind"] == "measured":
        held_out = _patients(arms, trait, "held_out").dropna(subset=["value"])
        scores = _columns(held_out, arms, "ensemble")
        for kind in ("spearman", "pearson"):
            rng = _rng(arms, trait, kind)
            figures[kind] = compare_correlations(held_out["value"], scores, held_out["patient_id"], kind=kind, rng=rng)
    n_high = int(test["truth"].sum())
    counts = {"n_patients": len(test), "n_high": n_high, "n_low": len(test) - n_high}
    return [
        {"trait": trait, "study": arm.name, "method": arm.method, "encoder": arm.encoder, **counts}
        | {
            name: value
            for kind, found in figures.items()
            for name, value in compared_fields(kind, found[i], is_first=i == 0).items()
        }
        for i, arm in enumerate(arms)
    ]


def compared_fields(name: str, found: Compared, *, is_first: bool) -> dict[str, Any]:
    """Return a figure with interval and n, and for other arms than the first the difference to it, as columns of a table."""
    fields = _estimate(name, found.estimate) | {f"{name}_n": found.estimate.n_groups or found.estimate.n}
    if not is_first:
        fields |= _estimate(f"{name}_difference", found.difference) | {f"{name}_p": found.p_value}
    return fields | {f"{name}_reason": found.estimate.reason or ("" if is_first else found.difference.reason)}


def _estimate(name: str, estimate: Estimate) -> dict[str, Any]:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def round_performance(arms: Sequence[Arm], trait: str) -> Iterator[dict[str, Any]]:
    """Yield one row per round or fold and arm: its AUROC on its own test patients, and the difference to the first arm."""
    test = _patients(arms, trait, "test")
    for round_, judged in _rounds(arms, trait, test):
        labels = np.asarray(judged.labels)
        counts = {"n_patients": len(labels), "n_high": int(labels.sum()), "n_low": int((1 - labels).sum())}
        found = compare_aurocs([judged], rng=_rng(arms, trait, f"round {round_}"))
        for i, arm in enumerate(arms):
            row = {"trait": trait, "study": arm.name, "round": round_, **counts}
            yield row | compared_fields("auroc", found[i], is_first=i == 0)


def _rng(arms: Sequence[Arm], trait: str, what: str) -> np.random.Generator:
    return stream(arms[0].study.config.seed, "compare", trait, what)


def _patients(arms: Sequence[Arm], trait: str, name: str) -> pd.DataFrame:
    """Return one row per patient of an evaluation set: patient_id, truth, value, test_round, and each arm's scores as `<i> ...`.

    A patient's score is the mean over their slides. Who counts as held out is held out of every arm: a method that learns
    measured values has seen patients without a class.
    """
    joined: pd.DataFrame | None = None
    for i, arm in enumerate(arms):
        rows = in_set(arm.scores[arm.scores["trait"] == trait], name)
        models = [*round_columns(rows), "ensemble"]
        how: dict[str, str] = dict.fromkeys(models, "mean") | dict.fromkeys(("truth", "value", "test_round"), "first")
        own = rows.groupby("patient_id", sort=True).agg(how).rename(columns={model: f"{i} {model}" for model in models})
        joined = own if joined is None else joined.join(own.drop(columns=["truth", "value", "test_round"]), how="inner")
    assert joined is not None  # There are two arms at least.
    return joined.reset_index()


def _columns(patients: pd.DataFrame, arms: Sequence[Arm], model: str) -> np.ndarray:
    """Return the scores of one model of every arm, (n_arms, n_patients)."""
    scores: np.ndarray = patients[[f"{i} {model}" for i in range(len(arms))]].to_numpy(dtype=float).T
    return scores


def _rounds(arms: Sequence[Arm], trait: str, patients: pd.DataFrame) -> Iterator[tuple[int, Judged]]:
    """Yield the rounds or folds that every arm has trained, each with the test patients that its networks have never seen."""
    is_folds = arms[0].study.config.splits.scheme == "folds"
    for round_ in sorted(arms[0].splits["round"].unique()):
        columns = [f"{i} round_{round_}" for i in range(len(arms))]
        own = patients[patients["test_round"] == round_] if is_folds else patients
        if len(own) and set(columns) <= set(own) and own[columns].notna().to_numpy().all():
            yield int(round_), Judged(own["truth"].to_numpy(), _columns(own, arms, f"round_{round_}"), own["patient_id"])


def missing_rounds(arms: Sequence[Arm], trait: str) -> list[int]:
    """Return the rounds or folds that some arm has not trained: they count in no mean."""
    used = {round_ for round_, _ in _rounds(arms, trait, _patients(arms, trait, "test"))}
    return sorted(set(map(int, arms[0].splits["round"].unique())) - used)
