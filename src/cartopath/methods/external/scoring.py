"""Every model of a study on a slide of the external cohort: tiles cut as in training, a score per round and of the ensemble."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from cartopath.methods.apply import score_traits, warnings_of
from cartopath.methods.cutting import cut_slide
from cartopath.methods.external.cohort import ExternalSlide
from cartopath.methods.external.frozen import FrozenModels
from cartopath.methods.scoring import device_name, write_scores
from cartopath.methods.trained import TrainedTrait
from cartopath.study.config import ComputeConfig, MethodConfig
from cartopath.study.layout import Layout
from cartopath.study.stages.scores import ensemble_score, round_columns, slide_score
from cartopath.study.tasks import Result, Task, task_key

VERSION = 1
STAGE = "external"


def plan_slide(
    layout: Layout, models: FrozenModels, slide: ExternalSlide, assume_mpp: float | None, compute: ComputeConfig
) -> Task:
    """Return the task that scores one slide."""
    key = task_key(
        STAGE,
        VERSION,
        slide=slide.identity,
        mpp=[slide.mpp, assume_mpp],
        models=[trait.key for trait in models.traits],
        weights=models.weights,
    )
    outputs = [layout.tiles(slide.slide_id), *(layout.scores(STAGE, name, slide.slide_id) for name in models.trait_names)]
    arguments = {
        "path": slide.path,
        "slide_id": slide.slide_id,
        "traits": models.traits,
        "method": models.method,
        "mpp": slide.mpp,
        "assume_mpp": assume_mpp,
        "batch_size": compute.batch_size,
        "accelerator": compute.accelerator,
        "layout": layout,
        "key": key,
    }
    return Task(STAGE, slide.slide_id, key, score_slide, arguments, tuple(outputs), uses_gpu=True)


def score_slide(
    *,
    path: Path,
    slide_id: str,
    traits: list[TrainedTrait],
    method: MethodConfig,
    mpp: float | None,
    assume_mpp: float | None,
    batch_size: int | None,
    accelerator: str,
    layout: Layout,
    key: str,
    devices: list[int] | None,
) -> Result:
    """Cut and score one slide; return its number of tiles, its scores, and how it is unlike the training slides.

    Raises:
        SlideError: It cannot be read, is coarser than the tiles, or has no tile with enough tissue.
    """
    cut = cut_slide(path, slide_id, traits[0].tiles, mpp=mpp, assume_mpp=assume_mpp, out=layout.tiles(slide_id), key=key)
    device = device_name(accelerator, devices)
    scored = score_traits(cut.table, cut.source, traits, only_voting=False, batch_size=batch_size, device=device)
    for name, tiles in scored.items():
        write_scores(tiles, cut.meta, layout.scores(STAGE, name, slide_id), key=key)
    return {
        "n_tiles": len(cut.table),
        "scores": {name: slide_scores(method, tiles) for name, tiles in scored.items()},
        "warnings": warnings_of(slide_id, cut, traits),
    }


def slide_scores(method: MethodConfig, tiles: pd.DataFrame) -> dict[str, Any]:
    """Return a slide's score by every round and by the ensemble, as the study itself scores its slides."""
    scores = {name: slide_score(method, tiles, name) for name in round_columns(tiles)}
    return scores | {"ensemble": ensemble_score(method.name, tiles)}
