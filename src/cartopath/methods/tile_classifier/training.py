"""One network per trait and round (Levy-Jurgenson et al. 2020): every tile of a slide inherits the slide's label."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from cartopath.core.errors import ConfigError
from cartopath.methods.rounds import TraitRound, check_classes, common_card, plan_rounds
from cartopath.models import NetworkSpec
from cartopath.store.artifacts import Header, write_table
from cartopath.study.config import StudyConfig, TileClassifierConfig
from cartopath.study.progress import publish
from cartopath.study.run import Study, completed_key
from cartopath.study.stages.cohort import SlideRecord
from cartopath.study.stages.tiling import load_tiles, slide_arguments
from cartopath.study.tasks import Result, Task, task_key
from cartopath.training import Example, TrainingSpec, train_classifier, write_bundle

VERSION = 2


def plan_training(study: Study) -> list[Task]:
    """Return one task per trait and round."""
    network = network_spec(study.config)
    return [plan_network(study, round_, network, lambda record: slide_arguments(study, record)) for round_ in plan_rounds(study)]


def plan_network(
    study: Study, round_: TraitRound, network: NetworkSpec, arguments_of: Callable[[SlideRecord], dict[str, Any]]
) -> Task:
    """Plan one training.

    Args:
        study: The study.
        round_: Which slides.
        network: What to train.
        arguments_of: Returns for a slide what `load_tiles` takes; tiles that do not take part are left out by `rows`.
    """
    config, layout = study.config, study.layout
    chosen = {name: [(record, arguments_of(record), label) for record, label in group] for name, group in round_.chosen.items()}
    key = task_key(
        "train",
        VERSION,
        trait=round_.trait,
        round=round_.round_,
        seed=config.seed,
        network=network.to_dict(),
        training=config.training.model_dump(mode="json"),
        # The tile table's key covers the slide's content and how it was cut.
        **{
            name: [[completed_key(layout, "tiles", r.slide_id), r.patient_id, y, *_rows_key(tiles)] for r, tiles, y in group]
            for name, group in chosen.items()
        },
        labels=round_.labels_key,
    )
    folder = layout.model(config.method.name, round_.trait, round_.round_)
    outputs = (folder / "weights.safetensors", folder / "model.json", folder / "curve.parquet")
    arguments = {
        "config": config,
        "network": network,
        "trait": round_.trait,
        "round_": round_.round_,
        "slides": {name: [(tiles, y) for _, tiles, y in group] for name, group in chosen.items()},
        "labels": round_.labels,
        "folder": folder,
        "work": layout.work("train", round_.name),
        "key": key,
    }
    name = round_.name
    return Task("train", name, key, train_round, arguments, outputs, uses_gpu=True, trait=round_.trait, round_=round_.round_)


def _rows_key(tiles: dict[str, Any]) -> list[Any]:
    return [] if tiles.get("rows") is None else [tiles["rows"]]


def network_spec(config: StudyConfig) -> NetworkSpec:
    """Return the network that the study file asks for.

    Raises:
        ConfigError: It asks for another method.
    """
    method = config.method
    if not isinstance(method, TileClassifierConfig):
        raise ConfigError(f"method.name: expected 'tile_classifier', found {method.name!r}")
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
    network: NetworkSpec,
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
    check_classes(f"{trait}, round {round_}", {name: [e.label for e in group] for name, group in examples.items()})
    name = f"{trait} round {round_}"
    outcome = train_classifier(
        examples["train"],
        examples["validation"],
        network,
        training_spec(config, trait, round_, devices=devices),
        work_dir=work,
        progress=lambda chunk, metrics: publish(stage="train", task=name, chunk=chunk, metrics=metrics),
    )
    write_table(
        outcome.curve,
        folder / "curve.parquet",
        Header(kind="curve", key=key, meta={"best": outcome.best, "ending": outcome.ending}),
    )
    tables = [tiles["table"] for tiles, _ in slides["train"]]
    card = {
        **common_card(config, trait=trait, round_=round_, labels=labels, training_tables=tables, key=key),
        "training": config.training.model_dump(mode="json"),
        "validation": outcome.best,
        "patients": {name: sorted({e.slide.patient_id for e in group}) for name, group in examples.items()},
        "n_slides": {name: len(group) for name, group in examples.items()},
        "n_tiles": {name: sum(len(e.slide.xy_px0) for e in group) for name, group in examples.items()},
    }
    write_bundle(folder, network=network, weights=outcome.weights, card=card)
    return {
        "best": outcome.best,
        "chunks": len(outcome.curve),
        "ending": outcome.ending,
        "n_tiles": card["n_tiles"],
        "n_slides": card["n_slides"],
    }
