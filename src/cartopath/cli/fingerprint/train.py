"""`cartopath fingerprint train`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cartopath.cli.console import OK, console, errors, guarded, print_line
from cartopath.core.cores import usable_cores
from cartopath.core.errors import ConfigError
from cartopath.methods.fingerprints_without_study.found import Gathered, Gathering
from cartopath.methods.fingerprints_without_study.gathering import gather
from cartopath.methods.fingerprints_without_study.pairing import make_pairing
from cartopath.methods.fingerprints_without_study.training import LoneTraining, Usable, train_alone, usable
from cartopath.models.fingerprint import FingerprintSpec
from cartopath.training.fingerprint import AugmentationSpec, FingerprintTraining

_SHOWN_MISSING = 5


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """Options of the command that do not say what the inputs are."""

    backbone: str
    size_px: int
    mpp: float
    n_features: int
    grey: bool
    pairing: str
    targets: tuple[Path, ...]
    direction: str
    gamma: float
    rotation: str
    tiles: int
    batch_size: int
    lr: float
    schedule: str
    chunks: int
    patience: int
    min_tissue: float
    seed: int
    accelerator: str
    devices: str
    threads: int | None
    anew: bool
    quiet: bool

    def network(self) -> FingerprintSpec:
        """Return the network that is asked for."""
        colour = "grey" if self.grey else "rgb"
        return FingerprintSpec(
            backbone=self.backbone, n_features=self.n_features, size_px=self.size_px, mpp=self.mpp, colour=colour
        )

    def recipe(self) -> FingerprintTraining:
        """Return how to train it, but for the style of pairs."""
        return FingerprintTraining(
            pairing="sections" if self.pairing == "sections" else "none",
            gamma=self.gamma,
            augmentation=AugmentationSpec(rotation=self.rotation),
            min_tissue=self.min_tissue,
            tiles_per_piece=self.tiles,
            lr=self.lr,
            schedule=self.schedule,
            batch_size=self.batch_size,
            max_chunks=self.chunks,
            plateau_patience=max(1, min(8, self.patience // 2)),
            stop_patience=self.patience,
            seed=self.seed,
            accelerator=self.accelerator,
            devices=parse_devices(self.devices),
            threads=self.threads or usable_cores(),
            read_threads=self.threads,
        )


def parse_devices(text: str) -> int | tuple[int, ...] | str:
    """Return the devices that a word means.

    >>> parse_devices("2"), parse_devices("0,1"), parse_devices("auto")
    (2, (0, 1), 'auto')
    """
    if text == "auto":
        return text
    try:
        return tuple(int(part) for part in text.split(",") if part) if "," in text else int(text)
    except ValueError as error:
        raise ConfigError(f"--devices must be a number, indices such as 0,1, or auto. Got {text!r} instead.") from error


def train_command(inputs: Sequence[Path], out: Path, how: TrainOptions, gathering: dict[str, Any]) -> int:
    """Train, print how it goes and what came of it, and return the exit code."""

    def action() -> int:
        network, recipe = how.network(), how.recipe()
        found = gather(inputs, Gathering(**gathering))
        pieces = usable(found, network, recipe)
        device = "cpu" if how.accelerator == "cpu" else "auto"
        pairing = make_pairing(
            how.pairing,
            pieces.kept,
            network,
            targets=how.targets,
            direction=how.direction,
            device=device,
            seed=how.seed,
        )
        _print_pieces(found, pieces, how)
        progress = None if how.quiet else _Progress(how.chunks, 1 / len(pieces.kept))
        trained = train_alone(found, pieces, out, network=network, spec=recipe, pairing=pairing, anew=how.anew, progress=progress)
        _print_outcome(trained)
        return OK

    return guarded(action)


def _print_pieces(found: Gathered, pieces: Usable, how: TrainOptions) -> None:
    patients = len({piece.patient_id for piece in pieces.kept})
    pictures = sum(len(piece.pictures) for piece in pieces.kept)
    several = f" in {pictures} pictures" if pictures > len(pieces.kept) else ""
    words = {"array": "cores of arrays", "cores": "core files", "slides": "regions of slides"}[found.kind]
    console.print(f"{len(pieces.kept)} pieces ({words}) of {patients} patients{several}; pairing: {how.pairing}", markup=False)
    for array in found.arrays:
        console.print(f"{array.path.name}: {array.summary}", markup=False)
    for note in found.notes:
        print_line("note", "yellow", note)
    if pieces.left_out:
        names = ", ".join(piece.piece_id for piece in pieces.left_out[:_SHOWN_MISSING])
        more = ", ..." if len(pieces.left_out) > _SHOWN_MISSING else ""
        print_line("note", "yellow", f"{len(pieces.left_out)} pieces left out, too little tissue or one section: {names}{more}")


class _Progress:
    """A line per chunk."""

    def __init__(self, n_chunks: int, chance: float) -> None:
        self._n_chunks, self._chance, self._began = n_chunks, chance, time.monotonic()

    def __call__(self, chunk: int, row: dict[str, float]) -> None:
        """Say how a chunk went."""
        distance = f", style distance {row['style_distance']:.3f}" if row["style_distance"] else ""
        mark = "  best so far" if row.get("is_best") else ""
        errors.print(
            f"chunk {chunk + 1}/{self._n_chunks}: loss {row['train_loss']:.3f}{distance}, right-half accuracy "
            f"{row['validation_accuracy']:.3f} (chance {self._chance:.3g}), {time.monotonic() - self._began:.0f} s{mark}",
            markup=False,
        )


def _print_outcome(trained: LoneTraining) -> None:
    why = {"patience": "no better for a while", "max_chunks": "the last chunk allowed"}[trained.ending]
    if trained.was_there:
        console.print(f"trained before, in {trained.seconds:.0f} s; nothing to do")
    console.print(
        f"right-half accuracy {trained.best['validation_accuracy']:.3f} on {trained.n_pieces} pieces of {trained.n_patients} "
        f"patients (chance {1 / trained.n_pieces:.3g}); best of {trained.n_chunks} chunks: number "
        f"{int(trained.best['chunk']) + 1}; ended: {why}"
    )
    console.print(f"network: {trained.folder}  (curve.csv, pieces.csv)", markup=False)
