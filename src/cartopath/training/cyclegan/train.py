"""Train a CycleGAN between two sets of tiles: the only way into the Lightning part."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.core.errors import BundleError
from cartopath.store.artifacts import read_json
from cartopath.store.atomic import sweep_temporary
from cartopath.store.hashing import value_key
from cartopath.training.cyclegan.bundle import CARD_NAME, read_cyclegan_card
from cartopath.training.cyclegan.spec import CycleGanSpec
from cartopath.training.cyclegan.tiles import Tiles, content_key, gathered
from cartopath.training.work_dir import RESUME_KIND

# Of what a recipe means: raised when the same recipe would learn something else.
_VERSION = 1

Progress = Callable[[int, dict[str, float]], None]


@dataclass(frozen=True, eq=False, kw_only=True)
class CycleGanOutcome:
    """A training that ended.

    Attributes:
        folder: The bundle: what `load_generator` takes.
        curve: One row per epoch: `epoch`, `lr`, and the mean losses `adversarial`, `cycle`, `identity`, `discriminator`.
    """

    folder: Path
    curve: pd.DataFrame


def train_cyclegan(
    first: Iterable[NDArray[np.uint8]] | Tiles,
    second: Iterable[NDArray[np.uint8]] | Tiles,
    spec: CycleGanSpec,
    folder: Path | str,
    *,
    work_dir: Path | str,
    names: tuple[str, str] = ("a", "b"),
    content: tuple[str, str] | None = None,
    progress: Progress | None = None,
) -> CycleGanOutcome:
    """Train generators from each style to the other. The tiles of the two sets need not show the same tissue.

    Called again with the same folders after a kill, it goes on from the last epoch; on a CPU the bundle is then byte-identical to
    that of an uninterrupted run. Called again after the end, it only reads the outcome. State of another training in the work
    folder is cleared first.

    Args:
        first: Tiles of the first style, uint8 (height, width, 3). What can be asked for by number is read during training; of
            anything else all tiles are kept in memory.
        second: Tiles of the second style.
        spec: How.
        folder: Where the bundle goes.
        work_dir: Where the state between epochs is kept.
        names: Of the styles, for pictures and messages.
        content: Keys of what the two sets hold, where the caller knows them; without them all tiles are read once to find out.
        progress: Called after each epoch with its number and its row of the curve.

    Raises:
        TrainingError: A set is empty or holds something else than tiles, the hardware is not there, or a loss is no number.
        ArtifactError: A file of the work folder is damaged.
    """
    sets = gathered(first, names[0]), gathered(second, names[1])
    keys = content or (content_key(sets[0]), content_key(sets[1]))
    key = value_key({"version": _VERSION, "content": list(keys), "names": list(names), "recipe": spec.recipe()})
    folder, work_dir = Path(folder), Path(work_dir)
    if not _is_finished(folder, key):
        import cartopath.training.engine  # noqa: F401 - prepares what the next import needs
        from cartopath.training.cyclegan.fit import fit

        _prepare(work_dir, key)
        fit(sets, spec, folder=folder, resume_path=work_dir / RESUME_NAME, names=names, key=key, progress=progress)
    clear_state(work_dir)
    return CycleGanOutcome(folder=folder, curve=pd.DataFrame(read_cyclegan_card(folder).card["curve"]))


RESUME_NAME = "resume.json"


def clear_state(work_dir: Path) -> None:
    """Delete what a training left to go on from."""
    (work_dir / RESUME_NAME).unlink(missing_ok=True)
    for path in work_dir.glob("resume-*.safetensors"):
        path.unlink(missing_ok=True)


def _is_finished(folder: Path, key: str) -> bool:
    try:
        return (folder / CARD_NAME).is_file() and read_cyclegan_card(folder).key == key
    except BundleError:
        return False


def _prepare(work_dir: Path, key: str) -> None:
    """Make the folder; remove what a kill left half-written and what belongs to another training."""
    work_dir.mkdir(parents=True, exist_ok=True)
    sweep_temporary(work_dir)
    path = work_dir / RESUME_NAME
    if not path.is_file() or read_json(path, RESUME_KIND).get("key") != key:
        clear_state(work_dir)
