"""What must hold before a training may start; each violation is a TrainingError that names it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from cartopath.core.errors import TrainingError
from cartopath.models.spec import NetworkSpec
from cartopath.training.spec import TrainingSpec
from cartopath.training.tiles import Example


def check_examples(train: Sequence[Example], validation: Sequence[Example], network: NetworkSpec, spec: TrainingSpec) -> None:
    """Check the slides of a training against each other, the network and the recipe.

    Raises:
        TrainingError: A slide occurs twice, a patient is on both sides, tiles have another size than the network takes, or a
            class is missing where both are needed.
    """
    _check_set(train, "training", network, needed_by="training")
    _check_set(validation, "validation", network, needed_by=_needs_both_classes(spec))
    shared = sorted({example.slide.patient_id for example in train} & {example.slide.patient_id for example in validation})
    if shared:
        some = ", ".join(shared[:3])
        raise TrainingError(f"{len(shared)} patients are in training and in validation ({some}); split by patient")


def _needs_both_classes(spec: TrainingSpec) -> str:
    return "" if spec.checkpoint_metric == "loss" else f"the checkpoint metric {spec.checkpoint_metric!r}"


def _check_set(examples: Sequence[Example], name: str, network: NetworkSpec, *, needed_by: str) -> None:
    slide_id, times = Counter(example.slide.slide_id for example in examples).most_common(1)[0] if examples else ("", 0)
    if times > 1:
        raise TrainingError(f"the {name} slides name {slide_id} {times} times; each slide may occur once")
    for slide in (example.slide for example in examples):
        if slide.size_px != network.size_px:
            raise TrainingError(f"slide {slide.slide_id} has {slide.size_px} px tiles, the network takes {network.size_px} px")
    counts = Counter(example.label for example in examples)
    if not examples or (needed_by and len(counts) < 2):
        raise TrainingError(
            f"the {name} slides with tiles are {counts[0]} negative and {counts[1]} positive; {needed_by or name} needs "
            f"{'both' if needed_by else 'some'}"
        )
