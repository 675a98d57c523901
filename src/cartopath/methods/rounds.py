"""What each round of a trait trains on: labelled patients of its own training and validation sets, and nobody else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cartopath.core.errors import TrainingError
from cartopath.slides import read_tile_plan
from cartopath.study.config import StudyConfig
from cartopath.study.run import Study
from cartopath.study.stages.cohort import SlideRecord, content_key, tiled_records
from cartopath.study.stages.divide import labels_meta, read_labels, read_splits
from cartopath.study.tasks import Task

SETS = ("train", "validation")


@dataclass(frozen=True)
class TraitRound:
    """A training.

    Attributes:
        trait: The trait.
        round_: The round.
        chosen: Slides with their label (1 high, 0 low) of the sets `train` and `validation`.
        labels_key: Key of the classes that everybody has in this round.
        labels: Where the classes come from; see `labels_meta`.
    """

    trait: str
    round_: int
    chosen: dict[str, list[tuple[SlideRecord, int]]]
    labels_key: str
    labels: dict[str, Any]

    @property
    def name(self) -> str:
        """Name of the task."""
        return f"{self.trait} round {self.round_}"


def plan_rounds(study: Study) -> Iterator[TraitRound]:
    """Yield the trainings of a study."""
    splits = read_splits(study)
    records = tiled_records(study)
    for trait in study.config.trait_names:
        labels, meta = read_labels(study, trait), labels_meta(study, trait)
        for round_, split in splits.groupby("round"):
            own = labels[labels["round"] == round_]
            classes = own[own["label"] != ""].set_index("patient_id")["label"].to_dict()
            sets = split.set_index("patient_id")["set"].to_dict()
            yield TraitRound(trait, int(round_), _chosen(records, classes, sets), content_key(own), meta)


def _chosen(
    records: list[SlideRecord], classes: dict[str, str], sets: dict[str, str]
) -> dict[str, list[tuple[SlideRecord, int]]]:
    chosen: dict[str, list[tuple[SlideRecord, int]]] = {name: [] for name in SETS}
    for record in records:
        group = chosen.get(sets.get(record.patient_id, ""))
        label = classes.get(record.patient_id)
        if group is not None and label:
            group.append((record, int(label == "hi")))
    return chosen


def plan_nothing_unlearnable(study: Study) -> list[Task]:
    """Return no task, and end the run before the long stages where a set of a round has no patient of a class.

    `cartopath check` says the same, so that nobody who has checked a study meets this.

    Raises:
        TrainingError: A class is missing, with the trait, the sets and the rounds.
    """
    splits = read_splits(study)
    found = [text for trait in study.config.trait_names for text in _missing_classes(trait, read_labels(study, trait), splits)]
    if not found:
        return []
    more = f"\nand {len(found) - 1} more of the kind, which `cartopath check` lists" if len(found) > 1 else ""
    raise TrainingError(
        f"{found[0]}; nothing can be learned from one class alone: add patients, widen labels.low and labels.high, raise "
        f"splits.validation or change the seed, or take the trait out of the study file{more}"
    )


def _missing_classes(trait: str, labels: pd.DataFrame, splits: pd.DataFrame) -> Iterator[str]:
    """Yield in words each class that a set has no patient of."""
    rounds = sorted(splits["round"].unique())
    sets = splits.merge(labels[["patient_id", "round", "label"]], on=["patient_id", "round"])
    there = set(zip(sets["set"], sets["round"], sets["label"], strict=True))
    for set_ in SETS:
        for label in ("hi", "lo"):
            lacking = [int(round_) for round_ in rounds if (set_, round_, label) not in there]
            if lacking:
                noun = "round" if len(lacking) == 1 else "rounds"
                yield f"{trait}: no patient labelled {label} in {set_}, {noun} {', '.join(map(str, lacking))}"


def check_classes(name: str, labels: Mapping[str, Sequence[int]], *, what: str = "slides") -> None:
    """Check that both classes are in both sets of a training.

    Args:
        name: Of the training.
        labels: 1 and 0, by set.
        what: What has the labels.

    Raises:
        TrainingError: One is missing.
    """
    for set_, group in labels.items():
        n_high = sum(group)
        if n_high in (0, len(group)):
            raise TrainingError(
                f"{name}: the {set_} set has {n_high} high and {len(group) - n_high} low {what} and needs both; "
                "add patients, widen labels.low and labels.high, or raise splits.validation"
            )


def common_card(
    config: StudyConfig, *, trait: str, round_: int, labels: dict[str, Any], training_tables: Sequence[Path], key: str
) -> dict[str, Any]:
    """Return what the card of every trained network says: whose it is, how slides are to be cut, what its slides looked like.

    Args:
        config: The study file.
        trait: The trait.
        round_: The round.
        labels: Where its classes come from.
        training_tables: Tile tables of the training slides.
        key: Of the task.
    """
    metas = [read_tile_plan(table)[1] for table in training_tables]
    thresholds = labels["thresholds"]
    return {
        "method": config.method.name,
        "study": config.name,
        "trait": trait,
        "round": round_,
        "key": key,
        "labels": {
            "threshold": thresholds[round_] if round_ < len(thresholds) else thresholds[0],
            "source": labels["source"],
            "config": labels["config"],
        },
        "tiles": config.tiles.model_dump(mode="json"),
        "threshold": config.method.threshold,
        "stain": [meta["stain"] for meta in metas],
        "resolution": sorted({float(meta["mpp"]) for meta in metas}),
    }
