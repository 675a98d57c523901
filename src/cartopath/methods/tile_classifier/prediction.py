"""Tile scores of every round and the vote of those that vote: all networks of a trait see the tiles of a slide in one pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from cartopath.methods.ensemble import Wanted, chosen_rounds, read_ensemble, voted, wanted_scores
from cartopath.methods.scoring import default_batch_size, device_name, tile_batches, uses_gpu, write_scores
from cartopath.slides import read_tile_plan
from cartopath.study.run import Study, completed_key
from cartopath.study.stages.tiling import load_tiles, slide_arguments
from cartopath.study.tasks import Result, Task, task_key
from cartopath.training import SlideTiles, predict_tiles, read_bundle

VERSION = 2


def plan_prediction(study: Study) -> list[Task]:
    """Return one task per trait and slide."""
    return [_plan_slide(study, wanted) for wanted in wanted_scores(study)]


def _plan_slide(study: Study, wanted: Wanted) -> Task:
    trait, record, method = wanted.trait, wanted.record, study.config.method.name
    out = study.layout.scores(method, trait, record.slide_id)
    tiles_key = completed_key(study.layout, "tiles", record.slide_id)
    key = task_key("predict", VERSION, ensemble=wanted.ensemble_key, tiles=tiles_key, own_fold=wanted.own_fold)
    arguments = {
        "folder": study.layout.ensemble(method, trait),
        "ensemble_key": wanted.ensemble_key,
        "tiles": slide_arguments(study, record),
        "own_fold": wanted.own_fold,
        "batch_size": study.config.compute.batch_size,
        "accelerator": study.config.compute.accelerator,
        "threads": study.config.training.threads,
        "out": out,
        "key": key,
    }
    name = f"{trait} {record.slide_id}"
    return Task("predict", name, key, predict_slide, arguments, (out,), uses_gpu=True, trait=trait)


def predict_slide(
    *,
    folder: Path,
    ensemble_key: str,
    tiles: dict[str, Any],
    own_fold: int | None,
    batch_size: int | None,
    accelerator: str,
    threads: int,
    out: Path,
    key: str,
    devices: list[int] | None,
) -> Result:
    """Write the scores of all tiles of a slide: one column per round, the mean score and the vote of the chosen rounds."""
    table, meta = read_tile_plan(tiles["table"])
    scored = score_tiles(
        table,
        load_tiles(**tiles),
        folder,
        cache_key=ensemble_key,
        own_fold=own_fold,
        batch_size=batch_size,
        device=device_name(accelerator, devices),
        threads=threads,
    )
    write_scores(scored, meta, out, key=key)
    return {"positive": float(scored["vote"].mean())}


def score_tiles(
    table: pd.DataFrame,
    source: SlideTiles,
    folder: Path,
    *,
    cache_key: str,
    own_fold: int | None = None,
    only_voting: bool = False,
    batch_size: int | None,
    device: str,
    threads: int,
) -> pd.DataFrame:
    """Return `table`'s tiles with the score of every round, the mean score and the vote of those that vote.

    Args:
        table: Tiles of the slide: col, row, x_px0, y_px0.
        source: The same tiles, readable.
        folder: Ensemble folder of a trait.
        cache_key: Changes when the networks in `folder` do.
        own_fold: With k folds, the fold that has this patient as a test patient; it alone decides.
        only_voting: Leave out the rounds that do not vote.
        batch_size: Tiles per step; None for as many as memory likes.
        device: `auto`, `cpu` or `cuda:i`.
        threads: Of the network on a CPU; tiles are read by threads of their own.
    """
    ensemble = read_ensemble(folder)
    voting = chosen_rounds(ensemble, own_fold)
    rounds: list[int] = sorted(voting) if only_voting else ensemble["rounds"]
    networks = load_networks(folder, tuple(rounds), cache_key)
    size = batch_size or default_batch_size(source.size_px, is_gpu=uses_gpu(device))
    scores = predict_tiles(networks, tile_batches(source, size), device=device, threads=threads)
    return voted(table, scores, rounds, voting=voting, threshold=ensemble["threshold"])


_loaded: dict[tuple[Path, tuple[int, ...], str], list[Any]] = {}
"""The networks that this process used last: those of one trait, since ten Inceptions would fill a worker's memory."""


def load_networks(folder: Path, rounds: tuple[int, ...], cache_key: str) -> list[Any]:
    """Return the networks of a trait, kept in memory for the next slide of the same trait."""
    wanted = (folder, rounds, cache_key)
    if wanted not in _loaded:
        _loaded.clear()
        _loaded[wanted] = [read_bundle(folder / f"round_{round_}").network for round_ in rounds]
    return _loaded[wanted]
