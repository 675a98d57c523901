"""Which rounds of a trait vote, and their vote on every tile.

The scores of all rounds stand in one row per tile and can only be joined by tile. The rounds that vote are chosen by validation
alone: the test set is never read for it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.stats import majority_vote, rank_rounds
from cartopath.store.artifacts import Header, read_json, write_json
from cartopath.study.run import Study, completed_figures, completed_key
from cartopath.study.stages.cohort import SlideRecord, tiled_records
from cartopath.study.stages.divide import read_splits
from cartopath.study.tasks import Result, Task, task_key

VERSION = 2


def plan_ensembles(study: Study) -> list[Task]:
    """Return one task per trait that chooses the rounds that vote, and drop the scratch space of trainings that are done."""
    for trait in study.config.trait_names:
        for round_ in trained_rounds(study, trait):
            shutil.rmtree(study.layout.work("train", f"{trait} round {round_}"), ignore_errors=True)
    return [task for trait in study.config.trait_names if (task := _plan_ensemble(study, trait)) is not None]


def trained_rounds(study: Study, trait: str) -> list[int]:
    """Return the rounds of a trait whose training succeeded."""
    rounds = range(study.config.splits.rounds)
    return [r for r in rounds if completed_key(study.layout, "train", f"{trait} round {r}") is not None]


def _plan_ensemble(study: Study, trait: str) -> Task | None:
    rounds = trained_rounds(study, trait)
    if not rounds:
        return None
    names = {r: f"{trait} round {r}" for r in rounds}
    figures = {r: completed_figures(study.layout, "train", names[r])["best"] for r in rounds}
    method = study.config.method
    key = task_key(
        "ensemble",
        VERSION,
        models=[completed_key(study.layout, "train", names[r]) for r in rounds],
        method=[method.ensemble, method.threshold],
        scheme=study.config.splits.scheme,
    )
    out = study.layout.ensemble(method.name, trait) / "ensemble.json"
    arguments = {
        "trait": trait,
        "validation": {r: (figures[r]["slide_auroc"], figures[r]["validation_loss"]) for r in rounds},
        "keep": method.ensemble,
        "threshold": method.threshold,
        "scheme": study.config.splits.scheme,
        "out": out,
        "key": key,
    }
    return Task("ensemble", trait, key, choose_rounds, arguments, (out,), is_local=True, trait=trait)


def choose_rounds(
    *,
    trait: str,
    validation: dict[int, tuple[float | None, float]],
    keep: int | None,
    threshold: float,
    scheme: str,
    out: Path,
    key: str,
) -> Result:
    """Write which rounds vote: the best by slide-level validation AUROC, of equal ones those with the lower validation loss.

    Where no round has an AUROC, because values are learned and not classes, the loss alone decides. Without `keep` all vote.
    With folds there is no choice: each patient is left to the fold that has it as a test patient.
    """
    by_loss = sorted(validation, key=lambda r: (validation[r][1], r))  # rank_rounds keeps the order of equal rounds.
    aurocs = [validation[r][0] for r in by_loss]
    is_judged = any(value is not None for value in aurocs)
    ranking = [by_loss[i] for i in rank_rounds(aurocs, keep=keep)] if is_judged and keep else by_loss[:keep]
    content = {
        "trait": trait,
        "scheme": scheme,
        "threshold": threshold,
        "rounds": sorted(validation),
        "validation_auroc": {str(r): validation[r][0] for r in sorted(validation)},
        "voting": ranking if scheme == "rounds" else sorted(validation),
    }
    write_json(content, out, Header(kind="ensemble", key=key))
    return content


def read_ensemble(folder: Path) -> dict[str, Any]:
    """Return which rounds of a trait vote, and how.

    Raises:
        ArtifactError: The folder holds no trained ensemble.
    """
    return read_json(folder / "ensemble.json", "ensemble")


@dataclass(frozen=True)
class Wanted:
    """A slide that is to be scored for a trait.

    Attributes:
        trait: The trait.
        record: The slide.
        ensemble_key: Key of the trait's ensemble.
        own_fold: With folds, the one that has this patient as a test patient; it alone decides.
    """

    trait: str
    record: SlideRecord
    ensemble_key: str
    own_fold: int | None


def wanted_scores(study: Study) -> Iterator[Wanted]:
    """Yield every trait and slide that can be scored: with folds, by a network that has not seen the patient."""
    folds = own_folds(study)
    for trait in study.config.trait_names:
        ensemble_key = completed_key(study.layout, "ensemble", trait)
        if ensemble_key is None:
            continue
        trained = trained_rounds(study, trait)
        for record in tiled_records(study):
            own_fold = folds.get(record.patient_id)
            if own_fold is None or own_fold in trained:
                yield Wanted(trait, record, ensemble_key, own_fold)


def own_folds(study: Study) -> dict[str, int]:
    """Return with folds the one that has a patient as a test patient, by patient; nothing with rounds."""
    if study.config.splits.scheme != "folds":
        return {}
    splits = read_splits(study)
    folds = splits[splits["set"] == "test"].groupby("patient_id")["round"].min()
    return {str(patient): int(fold) for patient, fold in folds.items()}


def chosen_rounds(ensemble: dict[str, Any], own_fold: int | None) -> list[int]:
    """Return the rounds that decide about a patient."""
    voting: list[int] = ensemble["voting"]
    return voting if own_fold is None else [own_fold]


def voted(
    table: pd.DataFrame, scores: NDArray[np.float32], rounds: Sequence[int], *, voting: Sequence[int], threshold: float
) -> pd.DataFrame:
    """Return tiles with the score of every round, the mean score and the vote of those that vote.

    Args:
        table: Tiles of a slide: col, row, x_px0, y_px0.
        scores: (n_tiles, n_rounds) in 0..1.
        rounds: Which round each column is of.
        voting: Rounds that vote.
        threshold: A round calls a tile positive strictly above it.
    """
    columns = [list(rounds).index(r) for r in voting]
    scored = table[["col", "row", "x_px0", "y_px0"]].copy()
    for i, round_ in enumerate(rounds):
        scored[f"round_{round_}"] = scores[:, i]
    scored["score"] = scores[:, columns].mean(axis=1, dtype=np.float64).astype(np.float32)
    scored["vote"] = majority_vote(scores[:, columns] > threshold)
    return scored
