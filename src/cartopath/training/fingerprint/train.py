"""Train a fingerprint network on the identity of pieces of tissue (Rawat et al. 2020, Methods): the only way into the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from cartopath.core.errors import TrainingError
from cartopath.models.fingerprint.spec import FingerprintSpec
from cartopath.store.hashing import value_key
from cartopath.training.fingerprint.pieces import Piece, check_pieces
from cartopath.training.fingerprint.places import plan_places
from cartopath.training.fingerprint.reading import Style
from cartopath.training.fingerprint.spec import FingerprintTraining
from cartopath.training.train import Progress
from cartopath.training.work_dir import WorkDir

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Of what a recipe means: raised when the same recipe would learn something else, so that no state of before is taken up.
_VERSION = 4

CURVE_COLUMNS = ("chunk", "lr", "train_loss", "style_distance", "validation_loss", "validation_accuracy")


@dataclass(frozen=True, eq=False, kw_only=True)
class FingerprintOutcome:
    """A training that ended.

    Attributes:
        weights: Of the best chunk, by name: what `build_fingerprint_network` takes through `load_weights`.
        curve: One row per chunk: `chunk`, `lr`, `train_loss`, `style_distance` (mean over the training pairs, 0 without pairs),
            `validation_loss`, `validation_accuracy` (over tiles of right halves).
        best_chunk: Which row of the curve the weights are from: the highest accuracy, among equals the lowest loss.
        best: That row.
        ending: `patience` or `max_chunks`.
        seconds: Of training and validation, over all attempts.
        pieces: Names of the pieces in the order of the classifier's outputs.
        patients: The patient of each.
    """

    weights: dict[str, NDArray[Any]]
    curve: pd.DataFrame
    best_chunk: int
    best: dict[str, float]
    ending: str
    seconds: float
    pieces: tuple[str, ...]
    patients: tuple[str, ...]


def train_fingerprint(
    pieces: Sequence[Piece],
    network: FingerprintSpec,
    spec: FingerprintTraining,
    *,
    work_dir: Path | str,
    style: Style | None = None,
    progress: Progress | None = None,
) -> FingerprintOutcome:
    """Train a network to tell pieces of tissue apart: left halves train, right halves watch.

    Called again with the same work folder after a kill, it goes on from the last chunk; on a CPU the outcome is byte-identical to
    that of an uninterrupted run. Called again after the end, it only reads the outcome. A folder that holds another training is
    cleared first. One training per process at a time.

    Args:
        pieces: What to tell apart, one class each.
        network: What to train.
        spec: How.
        work_dir: Where the state is kept.
        style: Makes the second image of each pair where the spec's pairing is `style`. It must be a function that can be sent to
            other processes if there are several devices.
        progress: Called after each chunk with its number and its row of the curve plus `is_best`.

    Raises:
        TrainingError: The pieces cannot be trained on, a half has no tissue, or the loss is no longer a number.
        SlideError: A slide cannot be read.
        ArtifactError: A file of the work folder is damaged.
        ConfigError: The network cannot be built.
    """
    check_pieces(pieces)
    if (style is not None) != (spec.pairing == "style"):
        raise TrainingError(
            f"a 'style' function goes with the pairing 'style', and only with it. The pairing is {spec.pairing!r}."
        )
    folder = WorkDir(work_dir, fingerprint_key(pieces, network, spec), CURVE_COLUMNS)
    folder.prepare()
    if not folder.is_finished:
        read_px = spec.augmentation.read_px(network.size_px)
        places = plan_places(pieces, network, read_px=read_px, min_tissue=spec.min_tissue)
        import cartopath.training.fingerprint.engine  # noqa: F401 - prepares what the next import needs
        from cartopath.training.fingerprint.engine.fit import fit

        fit(pieces, places, network, spec, style=style, work_dir=folder, progress=progress)
    record, weights = folder.read()
    return FingerprintOutcome(
        weights=weights,
        curve=pd.DataFrame(record.rows),
        best_chunk=record.best_chunk,
        best=record.best,
        ending=record.ending,
        seconds=record.seconds,
        pieces=tuple(piece.piece_id for piece in pieces),
        patients=tuple(piece.patient_id for piece in pieces),
    )


def fingerprint_key(pieces: Sequence[Piece], network: FingerprintSpec, spec: FingerprintTraining) -> str:
    """Return the key of everything that decides what is learned; where it runs and where files lie do not count."""
    described = {"version": _VERSION, "pieces": [piece.identity() for piece in pieces]}
    return value_key({**described, "network": network.to_dict(), "recipe": spec.recipe()})
