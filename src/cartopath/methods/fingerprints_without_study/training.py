"""Training a fingerprint network from slides alone: pieces, pairs, training, and the folder that holds all of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from cartopath.core.errors import ArtifactError, TrainingError
from cartopath.methods.fingerprints_without_study.core_map import place_name
from cartopath.methods.fingerprints_without_study.found import FoundArray, Gathered
from cartopath.methods.fingerprints_without_study.pairing import Pairing
from cartopath.methods.fingerprints_without_study.pictures import array_picture
from cartopath.methods.training_folder import WORK_NAME, claim_folder
from cartopath.models.fingerprint import FingerprintSpec
from cartopath.store.artifacts import write_csv
from cartopath.store.atomic import write_bytes
from cartopath.training.fingerprint import (
    FingerprintTraining,
    Piece,
    fingerprint_key,
    read_fingerprint_card,
    train_fingerprint,
    usable_pieces,
    write_fingerprint,
)
from cartopath.training.fingerprint.bundle import CARD_NAME

CURVE_NAME, PIECES_NAME = "curve.csv", "pieces.csv"

Progress = Callable[[int, dict[str, float]], None]


@dataclass(frozen=True, kw_only=True)
class LoneTraining:
    """A training that ended.

    Attributes:
        folder: The bundle, with `curve.csv`, `pieces.csv` and a picture of each array beside it.
        best: Row of the curve that the weights are from.
        n_chunks: How many chunks there were.
        ending: `patience` or `max_chunks`.
        seconds: Of training.
        n_pieces: Told apart.
        n_patients: They are of.
        was_there: Whether the folder held this training already, finished.
    """

    folder: Path
    best: dict[str, float]
    n_chunks: int
    ending: str
    seconds: float
    n_pieces: int
    n_patients: int
    was_there: bool


@dataclass(frozen=True)
class Usable:
    """Pieces that can be trained on, and the others."""

    kept: tuple[Piece, ...]
    left_out: tuple[Piece, ...]


def usable(gathered: Gathered, network: FingerprintSpec, spec: FingerprintTraining) -> Usable:
    """Return the pieces with enough tissue in both halves of every picture, and for pairs of sections with two pictures.

    Raises:
        TrainingError: Fewer than two are left.
    """
    pieces = [piece for piece in gathered.pieces if spec.pairing != "sections" or len(piece.pictures) > 1]
    single = [piece for piece in gathered.pieces if spec.pairing == "sections" and len(piece.pictures) < 2]
    read_px = spec.augmentation.read_px(network.size_px)
    kept, without = usable_pieces(pieces, network, read_px=read_px, min_tissue=spec.min_tissue)
    if len(kept) < 2:
        raise TrainingError(
            f"{len(kept)} of {len(gathered.pieces)} pieces can be trained on ({len(single)} are in one section only, "
            f"{len(without)} have a half without a tile of {network.size_um:g} um that shows {spec.min_tissue:.0%} tissue; a "
            f"square of {read_px * network.mpp:g} um is read for it); at least 2 are needed: smaller tiles (--size-px, --mpp), "
            f"larger pieces, or --rotation right_angles"
        )
    return Usable(tuple(kept), tuple(single + without))


def train_alone(
    gathered: Gathered,
    pieces: Usable,
    folder: Path,
    *,
    network: FingerprintSpec,
    spec: FingerprintTraining,
    pairing: Pairing,
    anew: bool = False,
    progress: Progress | None = None,
) -> LoneTraining:
    """Train on pieces and leave a bundle in a folder; after a kill the same call goes on, after the end it only reads.

    Args:
        gathered: For the pictures and the table.
        pieces: To train on.
        folder: Made if need be.
        network: What to train.
        spec: How; its pairing is `pairing`'s.
        pairing: Makes the second images.
        anew: Replace another training in the folder.
        progress: Called after each chunk.

    Raises:
        ArtifactError: The folder holds another training, or a damaged one.
        TrainingError: Training cannot start or go on.
        SlideError: A slide cannot be read.
    """
    spec = replace(spec, pairing=pairing.kind, style_name=pairing.name)
    key = fingerprint_key(pieces.kept, network, spec)
    claim_folder(folder, key, card_name=CARD_NAME, anew=anew)
    if (folder / CARD_NAME).is_file():
        return _read(folder)
    for name, picture in draw_arrays(gathered.arrays).items():
        write_bytes(folder / name, picture)
    write_csv(piece_table(gathered, pieces), folder / PIECES_NAME)
    work = folder / WORK_NAME
    outcome = train_fingerprint(pieces.kept, network, spec, work_dir=work, style=pairing.style, progress=progress)
    write_csv(outcome.curve, folder / CURVE_NAME)
    card: dict[str, Any] = {
        "recipe": spec.recipe(),
        "inputs": gathered.kind,
        "has_patients": gathered.has_patients,
        "best": outcome.best,
        "n_chunks": len(outcome.curve),
        "ending": outcome.ending,
        "seconds": outcome.seconds,
    }
    write_fingerprint(
        folder,
        spec=network,
        weights=outcome.weights,
        pieces=outcome.pieces,
        patients=outcome.patients,
        card=card,
        key=key,
    )
    shutil.rmtree(work)
    return replace(_read(folder), was_there=False)


def _read(folder: Path) -> LoneTraining:
    card = read_fingerprint_card(folder)
    try:
        return LoneTraining(
            folder=folder,
            best=dict(card.card["best"]),
            n_chunks=int(card.card["n_chunks"]),
            ending=str(card.card["ending"]),
            seconds=float(card.card["seconds"]),
            n_pieces=len(card.pieces),
            n_patients=len(set(card.patients)),
            was_there=True,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ArtifactError(f"{folder / CARD_NAME}: does not say how it was trained ({error}); train with --anew") from error


def draw_arrays(arrays: Sequence[FoundArray]) -> dict[str, bytes]:
    """Return a picture of each array with its cores numbered, by the name of its file."""
    return {f"cores_{array.path.stem}.png": array_picture(array) for array in arrays}


def piece_table(gathered: Gathered, pieces: Usable) -> pd.DataFrame:
    """Return one row per picture of a piece: whose, where, whether it is trained on."""
    places = {(array.style, core.piece_id): place_name(core.place) for array in gathered.arrays for core in array.cores}
    kept = {piece.piece_id for piece in pieces.kept}
    rows = [
        {
            "piece_id": piece.piece_id,
            "patient_id": piece.patient_id,
            "style": picture.style,
            "slide": picture.path.name,
            "place": places.get((picture.style, piece.piece_id), ""),
            "x_px0": picture.window_px0.x,
            "y_px0": picture.window_px0.y,
            "width_px0": picture.window_px0.width,
            "height_px0": picture.window_px0.height,
            "mpp": picture.mpp,
            "is_used": piece.piece_id in kept,
        }
        for piece in gathered.pieces
        for picture in piece.pictures
    ]
    return pd.DataFrame(rows)
