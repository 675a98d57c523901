"""One network per trait and round (Levy-Jurgenson et al. 2020): every tile of a slide inherits the slide's label."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cartopath.core.errors import TrainingError
from cartopath.models import NetworkSpec
from cartopath.slides import read_tile_plan
from cartopath.store.artifacts import Header, write_table
from cartopath.study.config import StudyConfig
from cartopath.study.progress import publish
from cartopath.study.run import Study, completed_key
from cartopath.study.stages.cohort import SlideRecord, content_key, tiled_records
from cartopath.study.stages.divide import labels_meta, read_labels, read_splits
from cartopath.study.stages.tiling import load_tiles, slide_arguments
from cartopath.study.tasks import Result, Task, task_key
from cartopath.training import Example, TrainingSpec, train_classifier, write_bundle

VERSION = 2
METHOD = "tile_classifier"


def plan_training(study: Study) -> list[Task]:
    """Return one task per trait and round."""
    splits = read_splits(study)
    records = tiled_records(study)
    tasks = []
    for trait in study.config.trait_names:
        labels = read_labels(study, trait)
        for round_, split in splits.groupby("round"):
            classes = labels[(labels["round"] == round_) & (labels["label"] != "")].set_index("patient_id")["label"]
            sets = split.set_index("patient_id")["set"]
            tasks.append(_plan_round(study, trait, int(round_), records, classes.to_dict(), sets.to_dict()))
    return tasks


def _plan_round(
    study: Study, trait: str, round_: int, records: list[SlideRecord], classes: dict[str, str], sets: dict[str, str]
) -> Task:
    """Plan one training. Only labelled patients of the round's training and validation sets appear in it."""
    chosen: dict[str, list[tuple[SlideRecord, int]]] = {"train": [], "validation": []}
    for record in records:
        group = chosen.get(sets.get(record.patient_id, ""))
        label = classes.get(record.patient_id)
        if group is not None and label:
            group.append((record, int(label == "hi")))
    config = study.config
    key = task_key(
        "train",
        VERSION,
        trait=trait,
        round=round_,
        seed=config.seed,
        network=network_spec(config).to_dict(),
        training=config.training.model_dump(mode="json"),
        # The tile table's key covers the slide's content and how it was cut.
        **{
            name: [[completed_key(study.layout, "tiles", r.slide_id), r.patient_id, y] for r, y in group]
            for name, group in chosen.items()
        },
        labels=content_key(read_labels(study, trait).query("round == @round_")),
    )
    folder = study.layout.model(METHOD, trait, round_)
    outputs = (folder / "weights.safetensors", folder / "model.json", folder / "curve.parquet")
    arguments = {
        "config": config,
        "trait": trait,
        "round_": round_,
        "slides": {name: [(slide_arguments(study, r), y) for r, y in group] for name, group in chosen.items()},
        "labels": labels_meta(study, trait),
        "folder": folder,
        "work": study.layout.work("train", f"{trait} round {round_}"),
        "key": key,
    }
    name = f"{trait} round {round_}"
    return Task("train", name, key, train_round, arguments, outputs, uses_gpu=True, trait=trait, round_=round_)


def network_spec(config: StudyConfig) -> NetworkSpec:
    """Return the network that the study file asks for."""
    method = config.method
    return NetworkSpec(backbone=method.backbone, pool=method.pool, size_px=config.tiles.size_px, pretrained=method.pretrained)


def training_spec(config: StudyConfig, trait: str, round_: int, *, devices: list[int] | None) -> TrainingSpec:
    """Return how the study file asks to train."""
    training = config.training
    return TrainingSpec(
        lr=training.learning_rate,
        batch_size=training.batch_size,
        validations_per_epoch=training.validations_per_epoch,
        max_chunks=training.max_chunks,
        plateau_patience=training.plateau_patience,
        plateau_factor=training.plateau_factor,
        stop_patience=training.stop_patience,
        checkpoint_metric=training.checkpoint,
        flips=training.flips,
        balance=training.balance,
        tiles_per_slide=training.tiles_per_slide,
        validation_tiles_per_slide=training.validation_tiles_per_slide,
        shuffle_tiles=training.shuffle_tiles,
        precision=training.precision,
        threads=training.threads,
        accelerator="gpu" if devices else config.compute.accelerator,
        devices=tuple(devices) if devices else 1,
        seed=config.seed,
        stream=("training", trait, round_),
    )


def train_round(
    *,
    config: StudyConfig,
    trait: str,
    round_: int,
    slides: dict[str, list[tuple[dict[str, Any], int]]],
    labels: dict[str, Any],
    folder: Path,
    work: Path,
    key: str,
    devices: list[int] | None,
) -> Result:
    """Train the network of one trait and round and write its bundle.

    Raises:
        TrainingError: A class is missing among the training or validation slides.
    """
    examples = {name: [Example(load_tiles(**tiles), label) for tiles, label in group] for name, group in slides.items()}
    for name, group in examples.items():
        n_high = sum(example.label for example in group)
        if n_high in (0, len(group)):
            raise TrainingError(
                f"{trait}, round {round_}: the {name} set has {n_high} high and {len(group) - n_high} low slides and needs both; "
                "add patients, widen labels.low and labels.high, or raise splits.validation"
            )
    name = f"{trait} round {round_}"
    outcome = train_classifier(
        examples["train"],
        examples["validation"],
        network_spec(config),
        training_spec(config, trait, round_, devices=devices),
        work_dir=work,
        progress=lambda chunk, metrics: publish(stage="train", task=name, chunk=chunk, metrics=metrics),
    )
    write_table(
        outcome.curve,
        folder / "curve.parquet",
        Header(kind="curve", key=key, meta={"best": outcome.best, "ending": outcome.ending}),
    )
    card = {
        "method": METHOD,
        "study": config.name,
        "trait": trait,
        "round": round_,
        "key": key,
        "labels": {"threshold": _round_thresholds(labels, round_), "source": labels["source"], "config": labels["config"]},
        "tiles": config.tiles.model_dump(mode="json"),
        "threshold": config.method.threshold,
        "training": config.training.model_dump(mode="json"),
        "validation": outcome.best,
        "patients": {name: sorted({e.slide.patient_id for e in group}) for name, group in examples.items()},
        "n_slides": {name: len(group) for name, group in examples.items()},
        "n_tiles": {name: sum(len(e.slide.xy_px0) for e in group) for name, group in examples.items()},
        "stain": [read_tile_plan(tiles["table"])[1]["stain"] for tiles, _ in slides["train"]],
        "resolution": sorted({float(read_tile_plan(tiles["table"])[1]["mpp"]) for tiles, _ in slides["train"]}),
    }
    write_bundle(folder, network=network_spec(config), weights=outcome.weights, card=card)
    return {
        "best": outcome.best,
        "chunks": len(outcome.curve),
        "ending": outcome.ending,
        "n_tiles": card["n_tiles"],
        "n_slides": card["n_slides"],
    }


def _round_thresholds(labels: dict[str, Any], round_: int) -> Any:
    thresholds = labels["thresholds"]
    return thresholds[round_] if round_ < len(thresholds) else thresholds[0]
