"""Tile scores of every round's head, from fingerprints on disk, and the vote of the rounds that vote.

A head's score s from -1 to +1 is kept as (s + 1) / 2, so that 0.5 is its zero and everything after this reads it as any score.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.methods.encoding.embedding import SlideEmbedding, embedded
from cartopath.methods.encoding.kept import features_of
from cartopath.methods.encoding.settings import encoder_of, is_direct
from cartopath.methods.ensemble import Wanted, chosen_rounds, read_ensemble, voted, wanted_scores
from cartopath.methods.fingerprints.settings import METHOD
from cartopath.methods.scoring import write_scores
from cartopath.methods.tile_classifier import prediction as networks
from cartopath.slides import read_tile_plan
from cartopath.study.run import Study, completed_key
from cartopath.study.tasks import Result, Task, task_key
from cartopath.training.heads import head_scores, read_head_bundle

VERSION = 1


def plan_prediction(study: Study) -> list[Task]:
    """Return one task per trait and slide."""
    if is_direct(study.config):
        return networks.plan_prediction(study)
    there = embedded(study)
    tasks = (_plan_slide(study, wanted, there) for wanted in wanted_scores(study))
    return [task for task in tasks if task is not None]


def _plan_slide(study: Study, wanted: Wanted, there: dict[tuple[int, str], SlideEmbedding]) -> Task | None:
    layout, slide_id = study.layout, wanted.record.slide_id
    folder = layout.ensemble(METHOD, wanted.trait)
    ensemble = read_ensemble(folder)
    found = {r: there.get((encoder_of(study.config, r), slide_id)) for r in ensemble["rounds"]}
    whole = {r: one for r, one in found.items() if one is not None and one.rows is None}
    if not set(chosen_rounds(ensemble, wanted.own_fold)) <= set(whole):
        layout.receipt("predict", f"{wanted.trait} {slide_id}").unlink(missing_ok=True)  # What an earlier run said of it is void.
        return None
    out = layout.scores(METHOD, wanted.trait, slide_id)
    key = task_key(
        "predict by heads",
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
    """Write the scores of all tiles of a slide: one column per round, the mean score and the vote of the chosen rounds."""
    tiles, meta = read_tile_plan(table)
    features = {path: features_of(path, tiles) for path in set(embeddings.values())}
    scored = score_features(tiles, {r: features[path] for r, path in embeddings.items()}, folder, own_fold=own_fold)
    write_scores(scored, meta, out, key=key)
    return {"score": float(scored["score"].mean())}


def score_features(
    tiles: pd.DataFrame, features: dict[int, NDArray[Any]], folder: Path, *, own_fold: int | None = None
) -> pd.DataFrame:
    """Return tiles with the score of every round, the mean score and the vote of those that vote.

    Args:
        tiles: Tiles of a slide: col, row, x_px0, y_px0.
        features: (n_tiles, n_features) of the same tiles, by round: those of the encoder of its head.
        folder: Ensemble folder of a trait.
        own_fold: With folds, the one that has this patient as a test patient; it alone decides.
    """
    ensemble = read_ensemble(folder)
    rounds = sorted(features)
    columns = [head_scores(read_head_bundle(folder / f"round_{r}").head, features[r]) for r in rounds]
    scores = (np.stack(columns, axis=1) + 1) / 2  # (n_tiles, n_rounds), -1..1 -> 0..1
    voting = chosen_rounds(ensemble, own_fold)
    return voted(tiles, scores.astype(np.float32), rounds, voting=voting, threshold=ensemble["threshold"])
