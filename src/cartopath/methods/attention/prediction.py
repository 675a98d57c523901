"""Tile scores and weights of every round's head from features on disk, and what the rounds that vote make of each tile.

A head's value v, in deviations from the mean of its training patients, is kept as the score 1 / (1 + exp(-v)), so that 0.5 is
that mean and everything after this reads it as any score. Its weights sum to 1 over the slide; what a tile adds to the slide's
value is its `contribution`, the mean over voting rounds of weight times value.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.methods.attention.patients import There, plan_patients, whole_features
from cartopath.methods.attention.settings import METHOD
from cartopath.methods.encoding.embedding import embedded
from cartopath.methods.encoding.kept import features_of
from cartopath.methods.ensemble import Wanted, chosen_rounds, read_ensemble, wanted_scores
from cartopath.methods.scoring import write_scores
from cartopath.slides import read_tile_plan
from cartopath.stats import majority_vote
from cartopath.study.run import Study, completed_key
from cartopath.study.stages.scores import LARGEST_VALUE, as_score
from cartopath.study.tasks import Result, Task, task_key
from cartopath.training.mil import BagPrediction, predict_bag, read_mil_bundle

VERSION = 2


def plan_prediction(study: Study) -> list[Task]:
    """Return one task per trait and slide, and one per trait and patient with several slides."""
    there, wanted = embedded(study), list(wanted_scores(study))
    tasks = [_plan_slide(study, one, there) for one in wanted]
    return [*(task for task in tasks if task is not None), *plan_patients(study, wanted, there)]


def _plan_slide(study: Study, wanted: Wanted, there: There) -> Task | None:
    layout, slide_id = study.layout, wanted.record.slide_id
    folder = layout.ensemble(METHOD, wanted.trait)
    ensemble = read_ensemble(folder)
    whole = whole_features(study, ensemble["rounds"], slide_id, there)
    if not set(chosen_rounds(ensemble, wanted.own_fold)) <= set(whole):
        layout.receipt("predict", f"{wanted.trait} {slide_id}").unlink(missing_ok=True)  # What an earlier run said of it is void.
        return None
    out = layout.scores(METHOD, wanted.trait, slide_id)
    key = task_key(
        "predict by attention",
        VERSION,
        ensemble=wanted.ensemble_key,
        tiles=completed_key(layout, "tiles", slide_id),
        embeddings=[[r, one.key] for r, one in whole.items()],
        own_fold=wanted.own_fold,
    )
    arguments = {
        "folder": folder,
        "table": layout.tiles(slide_id),
        "embeddings": {r: one.path for r, one in whole.items()},
        "own_fold": wanted.own_fold,
        "out": out,
        "key": key,
    }
    return Task("predict", f"{wanted.trait} {slide_id}", key, predict_slide, arguments, (out,), trait=wanted.trait)


def predict_slide(*, folder: Path, table: Path, embeddings: dict[int, Path], own_fold: int | None, out: Path, key: str) -> Result:
    """Write scores and weights of all tiles of a slide; return each round's value of it."""
    tiles, meta = read_tile_plan(table)
    features = {path: features_of(path, tiles) for path in set(embeddings.values())}
    said = predictions(folder, {r: features[path] for r, path in embeddings.items()})
    write_scores(attended(tiles, said, folder, own_fold=own_fold), meta, out, key=key)
    return {"values": {str(r): float(one.score[0]) for r, one in said.items()}}


def predictions(folder: Path, features: Mapping[int, NDArray[Any]]) -> dict[int, BagPrediction]:
    """Return what each round's head says of a bag.

    Args:
        folder: Ensemble folder of a trait.
        features: (n_tiles, n_features) of the same tiles, by round: those of the encoder of its head.
    """
    return {r: predict_bag(read_mil_bundle(folder / f"round_{r}"), own) for r, own in sorted(features.items())}


def attended(
    tiles: pd.DataFrame, said: Mapping[int, BagPrediction], folder: Path, *, own_fold: int | None = None
) -> pd.DataFrame:
    """Return tiles with score and weight by every round, and of the rounds that vote their mean value as a score and their vote.

    Args:
        tiles: Tiles of a slide: col, row, x_px0, y_px0.
        said: From `predictions` of these tiles.
        folder: Ensemble folder of the trait.
        own_fold: With folds, the one that has this patient as a test patient; it alone decides.

    Returns:
        col, row, x_px0, y_px0, `round_<i>`, `score`, `vote`, `weight_<i>`, `weight`, `contribution`.
    """
    ensemble = read_ensemble(folder)
    rounds = sorted(said)
    voting = [rounds.index(r) for r in chosen_rounds(ensemble, own_fold)]
    values = np.stack([said[r].tile_scores[:, 0] for r in rounds], axis=1).astype(np.float64)  # (n_tiles, n_rounds)
    values = np.clip(values, -LARGEST_VALUE, LARGEST_VALUE)
    weights = np.stack([said[r].weights[:, 0] for r in rounds], axis=1).astype(np.float64)
    scored = tiles[["col", "row", "x_px0", "y_px0"]].copy()
    for i, round_ in enumerate(rounds):
        scored[f"round_{round_}"] = as_score(values[:, i]).astype(np.float32)
    scored["score"] = as_score(values[:, voting].mean(axis=1)).astype(np.float32)
    scored["vote"] = majority_vote(as_score(values[:, voting]) > ensemble["threshold"])
    for i, round_ in enumerate(rounds):
        scored[f"weight_{round_}"] = weights[:, i].astype(np.float32)
    scored["weight"] = weights[:, voting].mean(axis=1).astype(np.float32)
    return scored.assign(contribution=(weights * values)[:, voting].mean(axis=1))
