"""Train one tile classifier (Levy-Jurgenson et al. 2020, Methods): the only way into the engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from cartopath.models.spec import NetworkSpec
from cartopath.store.hashing import value_key
from cartopath.training.preconditions import check_examples
from cartopath.training.spec import TrainingSpec
from cartopath.training.tiles import Example
from cartopath.training.work_dir import WorkDir

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Of what a recipe means: raised when the same recipe would learn something else, so that no state of before is taken up.
_VERSION = 2

CURVE_COLUMNS = ("chunk", "lr", "train_loss", "validation_loss", "tile_auroc", "slide_auroc")

Progress = Callable[[int, dict[str, float]], None]


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainingOutcome:
    """A training that ended.

    Attributes:
        weights: Of the best chunk, by name: what `build_network(network)` takes through `load_weights`.
        curve: One row per chunk: `chunk`, `lr`, `train_loss`, `validation_loss`, `tile_auroc`, `slide_auroc`.
        best_chunk: Which row of the curve the weights are from.
        best: That row.
        ending: `patience` or `max_chunks`.
        seconds: Of training and validation, over all attempts.
    """

    weights: dict[str, NDArray[Any]]
    curve: pd.DataFrame
    best_chunk: int
    best: dict[str, float]
    ending: str
    seconds: float


def train_classifier(
    train: Sequence[Example],
    validation: Sequence[Example],
    network: NetworkSpec,
    spec: TrainingSpec,
    *,
    work_dir: Path | str,
    progress: Progress | None = None,
) -> TrainingOutcome:
    """Train a network from the weights its spec names, validating after every chunk.

    Called again with the same work folder after a kill, it goes on from the last chunk; on a CPU the outcome is byte-identical to
    that of an uninterrupted run. Called again after the end, it only reads the outcome. A folder that holds another training is
    cleared first. One training per process at a time: torch's random state and number of threads belong to the process.

    Args:
        train: Slides to learn from.
        validation: Slides on which the learning rate, the end and the best weights are decided. No patient of `train`.
        network: What to train.
        spec: How.
        work_dir: Where the state is kept.
        progress: Called after each chunk with its number and its row of the curve plus `is_best`.

    Raises:
        TrainingError: The examples cannot be trained on, the hardware is not there, or the loss is no longer a number.
        SlideError: A slide cannot be read.
        ArtifactError: A file of the work folder is damaged.
        ConfigError: The network cannot be built.
    """
    train, validation = _with_tiles(train), _with_tiles(validation)
    check_examples(train, validation, network, spec)
    folder = WorkDir(work_dir, training_key(train, validation, network, spec), CURVE_COLUMNS)
    folder.prepare()
    if not folder.is_finished:
        import cartopath.training.engine  # noqa: F401 - prepares what the next import needs
        from cartopath.training.engine.fit import fit

        fit(train, validation, network, spec, work_dir=folder, progress=progress)
    record, weights = folder.read()
    return TrainingOutcome(
        weights=weights,
        curve=pd.DataFrame(record.rows),
        best_chunk=record.best_chunk,
        best=record.best,
        ending=record.ending,
        seconds=record.seconds,
    )


def training_key(train: Sequence[Example], validation: Sequence[Example], network: NetworkSpec, spec: TrainingSpec) -> str:
    """Return the key of everything that decides what is learned; where it runs and where files lie do not count."""

    def described(examples: Sequence[Example]) -> list[dict[str, Any]]:
        return [{**example.slide.identity(), "label": example.label} for example in examples]

    return value_key(
        {
            "version": _VERSION,
            "train": described(train),
            "validation": described(validation),
            "network": network.to_dict(),
            "recipe": spec.recipe(),
        }
    )


def _with_tiles(examples: Sequence[Example]) -> list[Example]:
    return [example for example in examples if example.slide.n_tiles > 0]
