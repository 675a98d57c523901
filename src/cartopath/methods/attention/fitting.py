"""Training the heads of all traits and rounds that share an encoder, together: every bag is read once for all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cartopath.methods.attention.bags import Parts, bag_parts, read_bags
from cartopath.methods.attention.settings import METHOD, attention, mil_spec, mil_training
from cartopath.methods.attention.single import outputs_of
from cartopath.methods.attention.targets import TraitTarget, trait_target
from cartopath.methods.attention.writing import Trained, bundle_files, write_head
from cartopath.methods.encoding.embedding import embedded
from cartopath.methods.encoding.known import known_encoder
from cartopath.methods.encoding.sample import sampled_rows
from cartopath.methods.encoding.settings import encoder_indices, encoder_name, encoder_of
from cartopath.methods.rounds import SETS
from cartopath.methods.scoring import device_name
from cartopath.store.hashing import value_key
from cartopath.study.config import StudyConfig
from cartopath.study.progress import publish
from cartopath.study.run import Study
from cartopath.study.stages.divide import read_splits
from cartopath.study.tasks import Result, Task, task_key
from cartopath.training.mil import Bag, Job, MilEncoder, Outcome, train_heads

VERSION = 1
STAGE = "fit"
_TRAITS_AT_ONCE = 256
"""Traits of a task. No machine may decide it: which heads take their steps together decides their last digits."""

Sets = dict[int, dict[str, list[str]]]
"""Patients of the sets `train` and `validation`, by round."""


def fit_name(study: Study, trait: str, round_: int) -> str:
    """Return the name of the task that trains a head."""
    return _name(encoder_of(study.config, round_), _block_of(study.config, trait))


def _name(index: int, block: int) -> str:
    return f"encoder {index} block {block}"


def _block_of(config: StudyConfig, trait: str) -> int:
    return 0 if attention(config).genes == "many" else config.trait_names.index(trait) // _TRAITS_AT_ONCE


def plan_fitting(study: Study) -> list[Task]:
    """Return one task per encoder and block of traits."""
    there, sample = embedded(study), sampled_rows(study)
    tables = {slide_id: study.layout.tiles(slide_id) for slide_id in sample}
    targets = [trait_target(study, trait) for trait in study.config.trait_names]
    splits = read_splits(study)
    tasks = []
    for index in encoder_indices(study.config):
        parts = bag_parts(there, index, sample, tables)
        rounds = [r for r in range(study.config.splits.rounds) if encoder_of(study.config, r) == index]
        sets = {r: _sets(splits[splits["round"] == r], parts) for r in rounds}
        for block in sorted({_block_of(study.config, target.trait) for target in targets}):
            own = [target for target in targets if _block_of(study.config, target.trait) == block]
            task = _plan_block(study, index, block, own, parts, sets)
            tasks += [] if task is None else [task]
    return tasks


def _sets(split: pd.DataFrame, parts: Parts) -> dict[str, list[str]]:
    return {name: sorted(set(split.loc[split["set"] == name, "patient_id"]) & set(parts)) for name in SETS}


def _plan_block(study: Study, index: int, block: int, targets: list[TraitTarget], parts: Parts, sets: Sets) -> Task | None:
    config, layout = study.config, study.layout
    known = known_encoder(study, index)
    if known is None:
        layout.receipt(STAGE, _name(index, block)).unlink(missing_ok=True)  # Heads of an earlier run no longer count.
        return None
    recipe = mil_training(config)
    seen = {patient for own in sets.values() for group in own.values() for patient in group}
    parts = {patient: own for patient, own in parts.items() if patient in seen}
    key = task_key(
        STAGE,
        VERSION,
        spec=[mil_spec(config, n_features=1, target=target.kind).to_dict() for target in targets],
        recipe=recipe.recipe(),
        genes=attention(config).genes,
        threads=config.training.threads,
        encoder=known.sha256,
        bags={patient: [[one.key, value_key(one.rows)] for one in own] for patient, own in parts.items()},
        targets=[_target_key(target, sets) for target in targets],
        sets=sets,
    )
    folders = {(t.trait, r): layout.model(METHOD, t.trait, r) for t in targets for r in sets}
    relative = os.path.relpath(layout.encoder(METHOD, index), next(iter(folders.values())))  # The same from all of them.
    arguments = {
        "config": config,
        "name": _name(index, block),
        "targets": targets,
        "parts": parts,
        "sets": sets,
        "encoder": MilEncoder(
            name=encoder_name(config),
            sha256=known.sha256,
            folder=Path(relative).as_posix(),
            details=known.details,
        ),
        "folders": folders,
        "key": key,
    }
    outputs = tuple(file for where in folders.values() for file in bundle_files(where))
    round_ = index if len(encoder_indices(config)) > 1 else None
    return Task(STAGE, _name(index, block), key, fit_heads, arguments, outputs, uses_gpu=True, round_=round_)


def _target_key(target: TraitTarget, sets: Sets) -> list[Any]:
    values = {
        r: [[p, float(target.values[r][p])] for group in own.values() for p in group if p in target.values[r].index]
        for r, own in sets.items()
    }
    return [target.trait, target.kind, target.transform, values]


def fit_heads(
    *,
    config: StudyConfig,
    name: str,
    targets: list[TraitTarget],
    parts: Parts,
    sets: Sets,
    encoder: MilEncoder,
    folders: dict[tuple[str, int], Path],
    key: str,
    devices: list[int] | None,
) -> Result:
    """Train the heads of some traits in all rounds of an encoder and write their bundles.

    Raises:
        TrainingError: No patient of a set is there.
        ArtifactError: Embeddings are missing, damaged or of other tiles.
    """
    bags = read_bags(parts)
    device = device_name(config.compute.accelerator, devices)
    n_ended: dict[str, int] = {}
    for kind in ("regression", "classification"):
        own = [target for target in targets if target.kind == kind]
        if not own:
            continue
        lessons = list(_lessons(config, own, bags, sets))
        spec = mil_spec(config, n_features=bags[0].features.shape[1], target=kind, n_outputs=len(lessons[0].traits))
        outcomes = train_heads(
            bags,
            [lesson.job for lesson in lessons],
            spec,
            mil_training(config),
            threads=config.training.threads,
            device=device,
            progress=lambda n, total: publish(stage=STAGE, task=name, words=f"{n} of {total} heads have ended"),
        )
        for trained in _single(lessons, outcomes, own):
            write_head(folders[trained.target.trait, trained.round_], trained, bags, parts, encoder, config=config, key=key)
            n_ended[trained.outcome.ending] = n_ended.get(trained.outcome.ending, 0) + 1
    return {"heads": len(folders), "patients": len(bags), "endings": n_ended}


@dataclass(frozen=True, eq=False)
class Lesson:
    """A job, the round it is of, and the traits that it learns."""

    job: Job
    round_: int
    traits: list[str]


def _lessons(config: StudyConfig, targets: Sequence[TraitTarget], bags: Sequence[Bag], sets: Sets) -> Iterator[Lesson]:
    """Yield a job per trait and round, or per round; patients of whom no trait here knows anything are in none."""
    patients = [bag.patient_id for bag in bags]
    places = {patient: i for i, patient in enumerate(patients)}
    for round_, groups in sets.items():
        matrix = np.stack([target.values[round_].reindex(patients).to_numpy(float) for target in targets], axis=1)
        is_known = np.isfinite(matrix).any(axis=1)
        train, validation = ([places[p] for p in groups[name] if is_known[places[p]]] for name in SETS)
        if attention(config).genes == "many":
            traits = [target.trait for target in targets]
            stream = ("training", "all traits", targets[0].kind, round_)
            yield Lesson(Job(f"all traits round {round_}", matrix, train, validation, stream), round_, traits)
            continue
        for i, target in enumerate(targets):
            job = Job(f"{target.trait} round {round_}", matrix[:, i], train, validation, ("training", target.trait, round_))
            yield Lesson(job, round_, [target.trait])


def _single(lessons: Sequence[Lesson], outcomes: Sequence[Outcome], targets: Sequence[TraitTarget]) -> Iterator[Trained]:
    by_trait = {target.trait: target for target in targets}
    for lesson, outcome in zip(lessons, outcomes, strict=True):
        for trait, head in zip(lesson.traits, outputs_of(outcome.head), strict=True):
            yield Trained(by_trait[trait], lesson.round_, lesson.job, head, outcome)
