"""The fingerprints of tiles, by encoder and slide (F51): of all tiles where the slide is to be scored, otherwise of a sample."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cartopath.methods.encoding.known import known_encoder
from cartopath.methods.encoding.places import task_name
from cartopath.methods.encoding.sample import sampled_rows
from cartopath.methods.encoding.settings import encoder_indices
from cartopath.methods.encoding.tile_features import tile_features
from cartopath.methods.ensemble import own_folds
from cartopath.methods.scoring import device_name
from cartopath.slides import read_tile_plan
from cartopath.store.embeddings import Embeddings, write_embeddings
from cartopath.study.run import Study, completed_key
from cartopath.study.stages.cohort import SlideRecord, tiled_records
from cartopath.study.stages.tiling import load_tiles, slide_arguments
from cartopath.study.tasks import Result, Task, task_key

VERSION = 1


@dataclass(frozen=True)
class SlideEmbedding:
    """Where the fingerprints of a slide by one encoder are, or will be.

    Attributes:
        record: The slide.
        index: Which encoder.
        encoder: Its key.
        path: The file.
        rows: Rows of the tile table that it holds; None for all.
        key: Key of the task that writes it.
    """

    record: SlideRecord
    index: int
    encoder: str
    path: Path
    rows: list[int] | None
    key: str

    @property
    def task(self) -> str:
        """Name of that task."""
        return embedding_task(self.index, self.record.slide_id)


def embedding_task(index: int, slide_id: str) -> str:
    """Return the name of the task that embeds a slide."""
    return f"{task_name(index)} {slide_id}"


def slide_embeddings(study: Study) -> Iterator[SlideEmbedding]:
    """Yield the embeddings of a study: by every encoder that could be made, of every slide that it is needed for."""
    sample = sampled_rows(study)
    folds = own_folds(study)
    several = len(encoder_indices(study.config)) > 1
    for index in encoder_indices(study.config):
        encoder = known_encoder(study, index)
        if encoder is None:
            continue
        for record in tiled_records(study):
            only_trains = several and folds[record.patient_id] != index
            if only_trains and record.slide_id not in sample:
                continue
            yield _slide_embedding(study, index, encoder.key, record, sample[record.slide_id] if only_trains else None)


def _slide_embedding(study: Study, index: int, name: str, record: SlideRecord, rows: list[int] | None) -> SlideEmbedding:
    key = task_key(
        "embed",
        VERSION,
        encoder=name,
        tiles=completed_key(study.layout, "tiles", record.slide_id),
        rows=rows,
        precision=study.config.training.precision,
    )
    path = study.layout.embeddings(name, record.slide_id, sample=rows is not None)
    return SlideEmbedding(record, index, name, path, rows, key)


def plan_embedding(study: Study) -> list[Task]:
    """Return one task per encoder and slide, and drop what was of other encoders and of pretrainings that are done."""
    for index in encoder_indices(study.config):
        if completed_key(study.layout, "pretrain", task_name(index)) is not None:
            shutil.rmtree(study.layout.work("pretrain", task_name(index)), ignore_errors=True)
    wanted = list(slide_embeddings(study))
    encoders = {one.index: one.encoder for one in wanted}
    if encoders and set(encoders) == set(encoder_indices(study.config)):
        _remove_others(study.layout.all_embeddings, set(encoders.values()))
    return [_plan_slide(study, one) for one in wanted]


def _remove_others(folder: Path, kept: set[str]) -> None:
    """Remove the features of encoders that the study no longer has: they are large, and nothing would ever read them."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir() and path.name not in kept:
            shutil.rmtree(path)


def _plan_slide(study: Study, one: SlideEmbedding) -> Task:
    tiles = slide_arguments(study, one.record)
    if one.rows is not None:
        tiles |= {"rows": one.rows, "cache": None}  # A cache is of all tiles.
    arguments = {
        "encoder": study.layout.encoder(study.config.method.name, one.index),
        "tiles": tiles,
        "rows": one.rows,
        "batch_size": study.config.compute.batch_size,
        "accelerator": study.config.compute.accelerator,
        "precision": study.config.training.precision,
        "threads": study.config.training.threads,
        "out": one.path,
        "key": one.key,
    }
    round_ = one.index if len(encoder_indices(study.config)) > 1 else None
    return Task("embed", one.task, one.key, embed_slide, arguments, (one.path,), uses_gpu=True, round_=round_)


def embed_slide(
    *,
    encoder: Path,
    tiles: dict[str, Any],
    rows: list[int] | None,
    batch_size: int | None,
    accelerator: str,
    precision: str,
    threads: int,
    out: Path,
    key: str,
    devices: list[int] | None,
) -> Result:
    """Write the fingerprints of a slide's tiles.

    Raises:
        SlideError: A tile can no longer be read.
        ArtifactError: A fingerprint is no 16-bit number.
    """
    meta = read_tile_plan(tiles["table"])[1]
    source = load_tiles(**tiles)
    device = device_name(accelerator, devices)
    features, name = tile_features(encoder, source, batch_size=batch_size, device=device, precision=precision, threads=threads)
    embeddings = Embeddings(
        slide_id=source.slide_id,
        features=features,
        xy_px0=source.xy_px0,
        window_px0=source.window_px0,
        size_px=source.size_px,
        mpp=float(meta["mpp"]),
        tile_mpp=float(meta["tile_mpp"]),
        encoder=name,
    )
    write_embeddings(embeddings, out, key=key, meta={"tiles": "all" if rows is None else "sample"})
    return {"tiles": len(features)}


def embedded(study: Study) -> dict[tuple[int, str], SlideEmbedding]:
    """Return the embeddings that are there, by encoder and slide."""
    return {
        (one.index, one.record.slide_id): one
        for one in slide_embeddings(study)
        if completed_key(study.layout, "embed", one.task) == one.key
    }
