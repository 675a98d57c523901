"""One head per trait and round on the fingerprints of patients' tiles; without an encoder the backbone itself on them (F53)."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cartopath.methods.encoding.embedding import SlideEmbedding, embedded
from cartopath.methods.encoding.kept import training_features
from cartopath.methods.encoding.pretraining import encoder_card
from cartopath.methods.encoding.sample import Sample, sample_arguments, sampled_rows
from cartopath.methods.encoding.settings import encoder_name, encoder_of, is_direct
from cartopath.methods.fingerprints.settings import METHOD, direct_spec, head_spec
from cartopath.methods.rounds import SETS, TraitRound, check_classes, common_card, plan_rounds
from cartopath.methods.tile_classifier.training import plan_network
from cartopath.store.artifacts import Header, write_table
from cartopath.study.config import StudyConfig
from cartopath.study.progress import publish
from cartopath.study.run import Study
from cartopath.study.stages.cohort import SlideRecord
from cartopath.study.tasks import Result, Task, task_key
from cartopath.training.heads import Bag, HeadEncoder, HeadOutcome, train_receptor_head, write_head_bundle

VERSION = 1

Members = dict[str, list[tuple[str, int, Path, list[int], Path]]]
"""Patient, label, embeddings, rows of the tile table and tile table of every slide, by set."""


def plan_training(study: Study) -> list[Task]:
    """Return one task per trait and round."""
    sample = sampled_rows(study)
    if is_direct(study.config):
        return _plan_direct(study, sample)
    there = embedded(study)
    tasks = (_plan_head(study, round_, sample, there) for round_ in plan_rounds(study))
    return [task for task in tasks if task is not None]


def _plan_direct(study: Study, sample: Sample) -> list[Task]:
    """Plan the training of the backbone itself, on the same tiles as every other arm."""

    def arguments_of(record: SlideRecord) -> dict[str, Any]:
        return sample_arguments(study, record, sample[record.slide_id])

    network = direct_spec(study.config)
    return [plan_network(study, _only(round_, set(sample)), network, arguments_of) for round_ in plan_rounds(study)]


def _only(round_: TraitRound, slides: set[str]) -> TraitRound:
    """Return the training without slides of which no tile takes part."""
    chosen = {name: [(r, y) for r, y in group if r.slide_id in slides] for name, group in round_.chosen.items()}
    return TraitRound(round_.trait, round_.round_, chosen, round_.labels_key, round_.labels)


def _plan_head(study: Study, round_: TraitRound, sample: Sample, there: dict[tuple[int, str], SlideEmbedding]) -> Task | None:
    config, layout = study.config, study.layout
    index = encoder_of(config, round_.round_)
    card = encoder_card(study, index)
    if card is None:
        layout.receipt("train", round_.name).unlink(missing_ok=True)  # A head of an earlier run no longer counts.
        return None
    round_ = _only(round_, {slide for i, slide in there if i == index} & set(sample))
    folder = layout.model(METHOD, round_.trait, round_.round_)
    relative = Path(os.path.relpath(layout.encoder(METHOD, index), folder)).as_posix()
    encoder = HeadEncoder(name=encoder_name(config), sha256=card.weights_sha256, network=card.spec, folder=relative)
    recipe = head_spec(config, round_.trait, round_.round_)

    def of(record: SlideRecord) -> SlideEmbedding:
        return there[index, record.slide_id]

    key = task_key(
        "train head",
        VERSION,
        trait=round_.trait,
        round=round_.round_,
        recipe=recipe.recipe(),
        encoder=[encoder.sha256, encoder.folder],
        **{n: [[of(r).key, sample[r.slide_id], r.patient_id, y] for r, y in group] for n, group in round_.chosen.items()},
        labels=round_.labels_key,
    )
    outputs = (folder / "weights.safetensors", folder / "head.json", folder / "curve.parquet")
    arguments = {
        "config": config,
        "trait": round_.trait,
        "round_": round_.round_,
        "members": {
            name: [(r.patient_id, y, of(r).path, sample[r.slide_id], layout.tiles(r.slide_id)) for r, y in group]
            for name, group in round_.chosen.items()
        },
        "labels": round_.labels,
        "encoder": encoder,
        "folder": folder,
        "key": key,
    }
    return Task("train", round_.name, key, train_head, arguments, outputs, trait=round_.trait, round_=round_.round_)


def train_head(
    *,
    config: StudyConfig,
    trait: str,
    round_: int,
    members: Members,
    labels: dict[str, Any],
    encoder: HeadEncoder,
    folder: Path,
    key: str,
) -> Result:
    """Train the head of one trait and round and write its bundle.

    Raises:
        TrainingError: A class is missing among the training or validation patients.
    """
    bags = {name: _bags(members[name]) for name in SETS}
    check_classes(f"{trait}, round {round_}", {n: [bag.label for bag in group] for n, group in bags.items()}, what="patients")
    recipe = head_spec(config, trait, round_)
    name = f"{trait} round {round_}"
    outcome = train_receptor_head(
        bags["train"],
        bags["validation"],
        recipe,
        progress=lambda epoch, row: publish(stage="train", task=name, epoch=epoch, metrics=row),
    )
    curve, best = _curve(outcome, recipe.lr)
    write_table(curve, folder / "curve.parquet", Header(kind="curve", key=key, meta={"best": best, "ending": outcome.ending}))
    tables = [table for *_, table in members["train"]]
    counts = {
        "n_slides": {n: len(group) for n, group in members.items()},
        "n_tiles": {n: sum(len(bag.features) for bag in group) for n, group in bags.items()},
    }
    card = {
        **common_card(config, trait=trait, round_=round_, labels=labels, training_tables=tables, key=key),
        **counts,
        "training": recipe.recipe(),
        "validation": outcome.best,
        "patients": {n: sorted(bag.patient_id for bag in group) for n, group in bags.items()},
    }
    write_head_bundle(folder, weights=outcome.weights, encoder=encoder, card=card, key=key)
    return {"best": best, "chunks": len(curve), "ending": outcome.ending, **counts}


def _bags(members: list[tuple[str, int, Path, list[int], Path]]) -> list[Bag]:
    """Return a bag per patient with the tiles of all the patient's slides that are there."""
    features: dict[str, list[Any]] = defaultdict(list)
    labels: dict[str, int] = {}
    for patient_id, label, path, rows, _ in members:
        features[patient_id].append(training_features(path, rows))
        labels[patient_id] = label
    return [Bag(patient_id, np.concatenate(parts), labels[patient_id]) for patient_id, parts in features.items()]


def _curve(outcome: HeadOutcome, lr: float) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the curve and its best row with the columns that the curve of every network has; an epoch is a chunk and a pass.

    The AUROC over patients stands where networks that learn slide by slide have theirs over slides; there is none over tiles.
    """
    curve = outcome.curve.rename(columns={"epoch": "chunk", "validation_auroc": "slide_auroc"})
    curve = curve.assign(lr=lr, tile_auroc=np.nan, passes=curve["chunk"].astype(float))
    best = curve.loc[curve["chunk"] == outcome.best_epoch].iloc[0]
    named = ("lr", "train_loss", "validation_loss", "slide_auroc")
    return curve, {"chunk": outcome.best_epoch, "tile_auroc": None, **{name: float(best[name]) for name in named}}
