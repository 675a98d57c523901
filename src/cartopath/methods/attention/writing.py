"""The bundle of a trained head: weights, curve, and a card that says whose it is and whom it learned from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cartopath.methods.attention.bags import Parts
from cartopath.methods.attention.settings import attention, mil_training
from cartopath.methods.attention.targets import TraitTarget
from cartopath.methods.rounds import SETS, common_card
from cartopath.stats import auroc, correlation
from cartopath.store.artifacts import Header, write_table
from cartopath.study.config import StudyConfig
from cartopath.training.bundle_folder import WEIGHTS_NAME
from cartopath.training.mil import Bag, Job, MilEncoder, MilHead, Outcome, predict_bag, write_mil_bundle
from cartopath.training.mil.bundle import CARD_NAME


@dataclass(frozen=True, eq=False)
class Trained:
    """The head of one trait and round.

    Attributes:
        target: What it learned.
        round_: The round.
        job: The job it is of.
        head: The head, of one output.
        outcome: What became of the job.
    """

    target: TraitTarget
    round_: int
    job: Job
    head: MilHead
    outcome: Outcome


def bundle_files(folder: Path) -> tuple[Path, ...]:
    """Return the files of a trained head."""
    return (folder / WEIGHTS_NAME, folder / CARD_NAME, folder / "curve.parquet")


def write_head(
    folder: Path, trained: Trained, bags: Sequence[Bag], parts: Parts, encoder: MilEncoder, *, config: StudyConfig, key: str
) -> None:
    """Write the bundle of a head. A head that could not be trained says in its card why."""
    target, outcome = trained.target, trained.outcome
    known = target.values[trained.round_].index
    members = {
        name: [bags[int(i)] for i in group if bags[int(i)].patient_id in known]
        for name, group in zip(SETS, (trained.job.train, trained.job.validation), strict=True)
    }
    best = _best(trained, members["validation"])
    curve = _curve(outcome, mil_training(config).lr)
    write_table(curve, folder / "curve.parquet", Header(kind="curve", key=key, meta={"best": best, "ending": outcome.ending}))
    tables = [part.tiles for bag in members["train"] for part in parts[bag.patient_id]]
    card = {
        **common_card(config, trait=target.trait, round_=trained.round_, labels=target.meta, training_tables=tables, key=key),
        "target": {
            "kind": target.kind,
            "transform": target.transform,
            "unit": target.unit,
            "mean": float(trained.head.target_mean[0]),
            "sd": float(trained.head.target_sd[0]),
        },
        "genes": attention(config).genes,
        "training": mil_training(config).recipe(),
        "n_slides": {name: sum(len(parts[bag.patient_id]) for bag in group) for name, group in members.items()},
        "n_tiles": {name: sum(len(bag.features) for bag in group) for name, group in members.items()},
        "patients": {name: sorted(bag.patient_id for bag in group) for name, group in members.items()},
        "validation": best,
        "epochs": len(curve),
        "ending": outcome.ending,
        "reason": outcome.reason,
    }
    write_mil_bundle(folder, head=trained.head, encoder=encoder, card=card, key=key)


def _curve(outcome: Outcome, lr: float) -> pd.DataFrame:
    """Return the curve with the columns that the curve of every network has; an epoch is a chunk and a pass."""
    curve = outcome.curve.rename(columns={"epoch": "chunk"})
    return curve.assign(lr=lr, tile_auroc=np.nan, slide_auroc=np.nan, passes=curve["chunk"].astype(float))


def _best(trained: Trained, validation: Sequence[Bag]) -> dict[str, Any]:
    """Return the epoch that the weights are from, its losses, and what the head makes of the validation patients."""
    outcome = trained.outcome
    best: dict[str, Any] = {"chunk": outcome.best_epoch, "tile_auroc": None, "slide_auroc": None, "validation_r": None}
    is_trained = outcome.best_epoch >= 0
    best["train_loss"] = float(outcome.train_losses[outcome.best_epoch]) if is_trained else None
    best["validation_loss"] = outcome.validation if is_trained and np.isfinite(outcome.validation) else None
    values = trained.target.values[trained.round_]
    if not is_trained or len(validation) < 2:
        return best
    scores = [float(predict_bag(trained.head, bag.features).score[0]) for bag in validation]
    truth = values[[bag.patient_id for bag in validation]].to_numpy()
    if trained.target.kind == "regression":
        return best | {"validation_r": correlation(scores, truth, kind="pearson").r}
    return best | {"slide_auroc": auroc(truth, scores) if len(set(truth)) == 2 else None}
