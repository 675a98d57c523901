"""How long an arm trained, by its ledger."""

from __future__ import annotations

from cartopath.methods.comparison.arm import Arm
from cartopath.study.ledger import read_ledger
from cartopath.study.run import completed_key

_SHARED_STAGES = ("pretrain", "embed", "fit")
"""Stages that train or apply an encoder, or train heads, for all traits at once."""


def training_seconds(arm: Arm) -> tuple[dict[str, float], float]:
    """Return the seconds that the trainings of each trait took, and those of what all traits share.

    Shared are the encoder, the embeddings, and the training of heads that learn together.
    Only what stands now counts: each task once, with the run that left its files.
    """
    latest: dict[tuple[str, str], float] = {}
    for entry in read_ledger(arm.study.layout.ledger):
        stage, task = str(entry.get("stage")), str(entry.get("task"))
        if stage not in ("train", *_SHARED_STAGES) or entry.get("outcome") != "done":
            continue
        if entry.get("key") == completed_key(arm.study.layout, stage, task):
            latest[stage, task] = float(entry.get("seconds", 0))
    shared = sum(seconds for (stage, _), seconds in latest.items() if stage in _SHARED_STAGES)
    own = dict.fromkeys(arm.traits, 0.0)
    for (stage, task), seconds in latest.items():
        trait = task.rsplit(" round ", 1)[0]
        if stage == "train" and trait in own:
            own[trait] += seconds
    return own, shared
