"""Tile scores and weights of every round's head from features on disk, and what the rounds that vote make of each tile.

A head's value v, in deviations from the mean of its training patients, is kept as the score 1 / (1 + exp(-v)), so that 0.5 is
that mean and everything after this reads it as any score. Its weights sum to 1 over the slide; what a tile adds to the slide's
value is its `contribution`, the mean over voting rounds of weight times value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.methods.attention.settings import METHOD
from cartopath.methods.encoding.embedding import SlideEmbedding, embedded, features_of
from cartopath.methods.encoding.settings import encoder_of
from cartopath.methods.ensemble import Wanted, chosen_rounds, read_ensemble, wanted_scores
from cartopath.methods.scoring import write_scores
from cartopath.slides import read_tile_plan
from cartopath.stats import majority_vote
from cartopath.store.embeddings import read_embeddings
from cartopath.study.run import Study, completed_key
from cartopath.study.stages.cohort import SlideRecord, tiled_records
from cartopath.study.stages.scores import LARGEST_VALUE, as_score
from cartopath.study.tasks import Result, Task, task_key
from cartopath.training.mil import BagPrediction, predict_bag, read_mil_bundle

VERSION = 1
There = Mapping[tuple[int, str], SlideEmbedding]


def plan_prediction(study: Study) -> list[Task]:
    """Return one task per trait and slide."""
    there = embedded(study)
    slides: dict[str, list[SlideRecord]] = {}
    for record in tiled_records(study):
        slides.setdefault(record.patient_id, []).append(record)
    tasks = (_plan_slide(study, wanted, there, slides[wanted.record.patient_id]) for wanted in wanted_scores(study))
    return [task for task in tasks if task is not None]


def _whole(study: Study, rounds: Sequence[int], slide_id: str, there: There) -> dict[int, SlideEmbedding]:
    """Return the features of all tiles of a slide by round; rounds whose encoder has none are not in it."""
    found = {r: there.get((encoder_of(study.config, r), slide_id)) for r in rounds}
    return {r: one for r, one in found.items() if one is not None and one.rows is None}


def _plan_slide(study: Study, wanted: Wanted, there: There, of_patient: list[SlideRecord]) -> Task | None:
    layout, slide_id = study.layout, wanted.record.slide_id
    folder = layout.ensemble(METHOD, wanted.trait)
    ensemble = read_ensemble(folder)
    whole = _whole(study, ensemble["rounds"], slide_id, there)
    if not set(chosen_rounds(ensemble, wanted.own_fold)) <= set(whole):
        layout.receipt("predict", f"{wanted.trait} {slide_id}").unlink(missing_ok=True)  # What an earlier run said of it is void.
        return None
    others = {r.slide_id: _whole(study, list(whole), r.slide_id, there) for r in of_patient if r.slide_id != slide_id}
    out = layout.scores(METHOD, wanted.trait, slide_id)
    key = task_key(
        "predict by attention",
        VERSION,
        ensemble=wanted.ensemble_key,
        tiles=completed_key(layout, "tiles", slide_id),
        embeddings=[[r, one.key] for r, one in whole.items()],
        others=[[name, r, one.key] for name, own in others.items() for r, one in own.items()],
        own_fold=wanted.own_fold,
    )
    arguments = {
        "folder": folder,
        "table": layout.tiles(slide_id),
        "embeddings": {r: one.path for r, one in whole.items()},
        "others": [{r: one.path for r, one in own.items()} for own in others.values()],
        "own_fold": wanted.own_fold,
        "out": out,
        "key": key,
    }
    return Task("predict", f"{wanted.trait} {slide_id}", key, predict_slide, arguments, (out,), trait=wanted.trait)


def predict_slide(
    *,
    folder: Path,
    table: Path,
    embeddings: dict[int, Path],
    others: list[dict[int, Path]],
    own_fold: int | None,
    out: Path,
    key: str,
) -> Result:
    """Write scores and weights of all tiles of a slide; return each round's value of it and of the patient's whole bag (F61)."""
    tiles, meta = read_tile_plan(table)
    features = {path: features_of(path, tiles) for path in set(embeddings.values())}
    said = predictions(folder, {r: features[path] for r, path in embeddings.items()})
    write_scores(attended(tiles, said, folder, own_fold=own_fold), meta, out, key=key)
    values = {str(r): float(one.score[0]) for r, one in said.items()}
    bags = {r: [features[path], *_other_features(others, r)] for r, path in embeddings.items()}
    several = {r: np.concatenate(bag) for r, bag in bags.items() if len(bag) > 1}
    of_patient = {str(r): float(one.score[0]) for r, one in predictions(folder, several).items()}
    return {"values": values, "patient_values": values | of_patient}


def _other_features(others: list[dict[int, Path]], round_: int) -> list[NDArray[Any]]:
    return [read_embeddings(own[round_])[0].features for own in others if round_ in own]


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
