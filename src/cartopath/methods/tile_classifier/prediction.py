"""Tile scores of every round, the rounds that vote, and their vote.

All rounds of a trait see the tiles of a slide in one pass, so their scores stand in one row per tile and can only be joined by
tile. The rounds that vote are chosen by validation alone: the test set is never read for it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.methods.tile_classifier.training import METHOD
from cartopath.slides import read_tile_plan
from cartopath.stats import majority_vote, rank_rounds
from cartopath.store.artifacts import Header, read_json, write_json, write_table
from cartopath.study.run import Study, completed_figures, completed_key
from cartopath.study.stages.cohort import SlideRecord, tiled_records
from cartopath.study.stages.divide import read_splits
from cartopath.study.stages.tiling import load_tiles, slide_arguments
from cartopath.study.tasks import Result, Task, task_key
from cartopath.training import SlideTiles, predict_tiles, read_bundle
from cartopath.training.cache import open_tile_cache
from cartopath.training.source import default_read_threads
from cartopath.training.stream import stream_tiles

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
    out = study.layout.ensemble(METHOD, trait) / "ensemble.json"
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
    keep: int,
    threshold: float,
    scheme: str,
    out: Path,
    key: str,
) -> Result:
    """Write which rounds vote: the best by slide-level validation AUROC, of equal ones those with the lower validation loss.

    With folds there is no choice: each patient is left to the fold that has it as a test patient.
    """
    by_loss = sorted(validation, key=lambda r: (validation[r][1], r))  # rank_rounds keeps the order of equal rounds.
    ranking = [by_loss[i] for i in rank_rounds([validation[r][0] for r in by_loss], keep=keep)]
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


def plan_prediction(study: Study) -> list[Task]:
    """Return one task per trait and slide."""
    splits = read_splits(study)
    test_round = splits[splits["set"] == "test"].groupby("patient_id")["round"].min().to_dict()
    tasks = []
    for trait in study.config.trait_names:
        ensemble_key = completed_key(study.layout, "ensemble", trait)
        if ensemble_key is None:
            continue
        trained = trained_rounds(study, trait)
        for record in tiled_records(study):
            own_fold = None
            if study.config.splits.scheme == "folds":
                own_fold = test_round[record.patient_id]
                if own_fold not in trained:
                    continue  # No network that has not seen this patient: no honest map.
            tasks.append(_plan_slide(study, trait, record, ensemble_key, own_fold))
    return tasks


def _plan_slide(study: Study, trait: str, record: SlideRecord, ensemble_key: str, own_fold: int | None) -> Task:
    out = study.layout.scores(METHOD, trait, record.slide_id)
    tiles_key = completed_key(study.layout, "tiles", record.slide_id)
    key = task_key("predict", VERSION, ensemble=ensemble_key, tiles=tiles_key, own_fold=own_fold)
    arguments = {
        "folder": study.layout.ensemble(METHOD, trait),
        "ensemble_key": ensemble_key,
        "tiles": slide_arguments(study, record),
        "own_fold": own_fold,
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


def device_name(accelerator: str, devices: list[int] | None) -> str:
    """Return the device of a task: `cpu`, the first GPU that it was given, or `auto`."""
    if accelerator == "cpu":
        return "cpu"
    return f"cuda:{devices[0]}" if devices else "auto"


def write_scores(scored: pd.DataFrame, meta: dict[str, Any], out: Path, *, key: str) -> None:
    """Write the scores of a slide with what its tile table says of the grid."""
    kept = {name: meta[name] for name in ("slide_id", "mpp", "window_px0", "size_px", "tile_mpp", "n_rows", "n_cols")}
    write_table(scored, out, Header(kind="scores", key=key, meta=kept))


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
    voting: list[int] = ensemble["voting"] if own_fold is None else [own_fold]
    rounds: list[int] = sorted(voting) if only_voting else ensemble["rounds"]
    networks = load_networks(folder, tuple(rounds), cache_key)
    size = batch_size or default_batch_size(source.size_px, is_gpu=uses_gpu(device))
    scores = predict_tiles(networks, tile_batches(source, size), device=device, threads=threads)
    columns = [rounds.index(r) for r in voting]
    scored = table[["col", "row", "x_px0", "y_px0"]].copy()
    for i, round_ in enumerate(rounds):
        scored[f"round_{round_}"] = scores[:, i]
    scored["score"] = scores[:, columns].mean(axis=1, dtype=np.float64).astype(np.float32)
    scored["vote"] = majority_vote(scores[:, columns] > ensemble["threshold"])
    return scored


def default_batch_size(size_px: int, *, is_gpu: bool) -> int:
    """Return how many tiles of a size to score at once: half a megapixel on a CPU, thirty-two on a GPU.

    The activations of Inception v3, a hundred times the tiles themselves, then take some 200 MB on a CPU, which keeps a worker
    with the five networks of a trait below 1.5 GB.

    >>> default_batch_size(512, is_gpu=False), default_batch_size(64, is_gpu=False), default_batch_size(512, is_gpu=True)
    (2, 128, 128)
    """
    pixels = 1 << (25 if is_gpu else 19)
    return min(256, max(2, pixels // size_px**2))


def uses_gpu(device: str) -> bool:
    """Whether a device named `auto`, `cpu` or `cuda:i` is a GPU here."""
    import torch

    return device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())


def tile_batches(slide: SlideTiles, size: int, *, threads: int | None = None) -> Iterator[NDArray[np.uint8]]:
    """Yield the tiles of a slide in order, `size` at a time: (n, size_px, size_px, 3) uint8, each an array of its own.

    Args:
        slide: The tiles, which are taken from its cache where there is one.
        size: Tiles per batch; the last may be smaller.
        threads: That decode, ahead of the network; None for one per core, at most eight.

    Raises:
        SlideError: The slide or one of its tiles cannot be read.
    """
    if slide.cache_path is None or not slide.cache_path.is_file():
        yield from stream_tiles(slide, batch_size=size, threads=threads or default_read_threads())
        return
    cached = open_tile_cache(slide)
    for first in range(0, slide.n_tiles, size):
        yield np.array(cached[first : first + size])


_loaded: dict[tuple[Path, tuple[int, ...], str], list[Any]] = {}
"""The networks that this process used last: those of one trait, since ten Inceptions would fill a worker's memory."""


def load_networks(folder: Path, rounds: tuple[int, ...], cache_key: str) -> list[Any]:
    """Return the networks of a trait, kept in memory for the next slide of the same trait."""
    wanted = (folder, rounds, cache_key)
    if wanted not in _loaded:
        _loaded.clear()
        _loaded[wanted] = [read_bundle(folder / f"round_{round_}").network for round_ in rounds]
    return _loaded[wanted]
