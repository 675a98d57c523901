"""Training a CycleGAN between two folders or slides, and judging what it has learned."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from cartopath.methods.restyling.quality import BothWays, judge
from cartopath.methods.restyling.sources import Cutting, all_tiles
from cartopath.methods.restyling.transfers import both_ways
from cartopath.methods.training_folder import WORK_NAME, claim_folder
from cartopath.store.artifacts import write_csv
from cartopath.store.atomic import write_bytes
from cartopath.store.hashing import value_key
from cartopath.training.cyclegan import CycleGanSpec, train_cyclegan
from cartopath.training.cyclegan.bundle import CARD_NAME
from cartopath.training.cyclegan.tiles import content_key

Progress = Callable[[int, dict[str, float]], None]


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainedTransfer:
    """A training that ended.

    Attributes:
        folder: The bundle, with `curve.csv`, `quality.csv` and `sheet.png` beside it.
        curve: One row per epoch.
        n_tiles: Of each style.
        quality: Both ways, on training tiles.
        was_there: Whether the folder held this training already, finished.
    """

    folder: Path
    curve: pd.DataFrame
    n_tiles: tuple[int, int]
    quality: BothWays
    was_there: bool


def train_transfer(
    first: Path,
    second: Path,
    folder: Path,
    *,
    spec: CycleGanSpec,
    cutting: Cutting,
    names: tuple[str, str],
    anew: bool = False,
    device: str = "auto",
    started: Callable[[int, int], None] | None = None,
    progress: Progress | None = None,
) -> TrainedTransfer:
    """Train on tiles of two styles; after a kill the same call goes on, after the end it only reads.

    Args:
        first: Pictures, slides, or folders of them, in the first style.
        second: The same in the second style; the tissue need not be the same.
        folder: Gets the bundle.
        spec: How; tiles are loaded at the size at which they are cut, so that a pixel stays a pixel.
        cutting: Which tiles.
        names: Of the styles.
        anew: Replace another training in the folder.
        device: For judging.
        started: Called with the numbers of tiles before training.
        progress: Called after each epoch.

    Raises:
        ArtifactError: The folder holds another training.
        SlideError: A file cannot be read.
        TrainingError: Training cannot start or go on.
    """
    spec = replace(spec, load_px=cutting.tile_px)
    sets = all_tiles(first, cutting), all_tiles(second, cutting)
    content = content_key(sets[0]), content_key(sets[1])
    key = value_key([list(content), list(names), spec.recipe()])
    claim_folder(folder, key, card_name=CARD_NAME, anew=anew)
    was_there = (folder / CARD_NAME).is_file()
    if started is not None:
        started(len(sets[0]), len(sets[1]))
    outcome = train_cyclegan(*sets, spec, folder, work_dir=folder / WORK_NAME, names=names, content=content, progress=progress)
    shutil.rmtree(folder / WORK_NAME, ignore_errors=True)
    write_csv(outcome.curve, folder / "curve.csv")
    quality = judge(*sets, *both_ways(str(folder), (), (), device=device), names=names, title=f"CycleGAN {folder.name}")
    write_csv(quality.table(), folder / "quality.csv")
    write_bytes(folder / "sheet.png", quality.sheet)
    return TrainedTransfer(
        folder=folder,
        curve=outcome.curve,
        n_tiles=(len(sets[0]), len(sets[1])),
        quality=quality,
        was_there=was_there,
    )
