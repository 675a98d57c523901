"""How to train a fingerprint network: every number of the recipe. Imports no torch."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

from cartopath.core.errors import ConfigError
from cartopath.training.fingerprint.changes import AugmentationSpec
from cartopath.training.spec import TrainingSpec

PAIRINGS = ("none", "sections", "style")
SCHEDULES = ("plateau", "one_cycle")

_RISE, _START = 0.25, 0.04
"""Of one cycle: the share of steps over which the rate rises, and the share of the highest rate that it rises from."""
_EXECUTION = ("precision", "accelerator", "devices", "strategy", "threads", "read_threads", "open_slides")


@dataclass(frozen=True, slots=True, kw_only=True)
class FingerprintTraining:
    """The recipe of Rawat et al. 2020 (Methods; METHODS 2.2). Optimizer, rate, batch and length are ours: the paper has none.

    A *chunk* is a number of batches that shows every piece `tiles_per_piece` times, followed by a validation on right halves.

    Attributes:
        pairing: Where the second image of a pair comes from: `none` (single images; a piece with several sections shows any of
            them), `sections` (the same place in another section of the piece), `style` (a function re-styles the tile).
        style_name: Name of that function, which is part of the training's key.
        gamma: Weight of the distance between both fingerprints of a pair.
        augmentation: What is done to tiles.
        min_tissue: Share of a tile that must be tissue.
        tiles_per_piece: Training tiles of a piece in a chunk.
        validation_tiles_per_piece: Tiles of a piece's right half in every validation, always the same.
        lr: Learning rate of Adam: at the start, or the highest of one cycle.
        schedule: `plateau`: the rate falls and training ends when right halves are recognised no better. `one_cycle`: it rises
            over the first quarter of all chunks and falls to nothing over the others (`learning_rate`); there is no early end.
            A few hundred steps learn far more in this way, at several times the rate (docs/fingerprint_experiments.md).
        batch_size: Tiles, or pairs, per step over all devices together.
        max_chunks: End at the latest after this many chunks.
        plateau_patience: Chunks in a row after which the learning rate falls, where right halves are recognised no better in any
            of them: neither at a lower loss nor more often than in all chunks before. While the accuracy is still that of
            guessing, the loss tells whether anything is learned.
        plateau_factor: What the rate is then multiplied by.
        plateau_min_delta: How much better counts as better, of the loss and of the accuracy.
        stop_patience: Chunks in a row, likewise, after which training ends.
        seed: Seed of the study.
        stream: Names under which this training draws from the seed.
        precision: See `TrainingSpec`, also for those that follow.
        accelerator: `auto`, `cpu`, `gpu`, `cuda` or `mps`.
        devices: How many, which, or `auto`.
        strategy: Of Lightning.
        threads: Of torch on the CPU, per process.
        read_threads: That decode tiles, per device.
        open_slides: Slides kept open at once, per device.
    """

    pairing: str = "none"
    style_name: str = ""
    gamma: float = 0.5
    augmentation: AugmentationSpec = field(default_factory=AugmentationSpec)
    min_tissue: float = 0.5
    tiles_per_piece: int = 16
    validation_tiles_per_piece: int = 8
    lr: float = 5e-4
    schedule: str = "plateau"
    batch_size: int = 64
    max_chunks: int = 200
    plateau_patience: int = 8
    plateau_factor: float = 0.1
    plateau_min_delta: float = 1e-4
    stop_patience: int = 20
    seed: int = 0
    stream: tuple[str | int, ...] = ()
    precision: str = "auto"
    accelerator: str = "auto"
    devices: int | tuple[int, ...] | str = 1
    strategy: str = "auto"
    threads: int = 1
    read_threads: int | None = None
    open_slides: int = 64

    def __post_init__(self) -> None:
        if self.pairing not in PAIRINGS:
            raise _refused("pairing", f"one of {', '.join(map(repr, PAIRINGS))}", self.pairing)
        if self.schedule not in SCHEDULES:
            raise _refused("schedule", f"one of {', '.join(map(repr, SCHEDULES))}", self.schedule)
        if bool(self.style_name) != (self.pairing == "style"):
            raise _refused("style_name", "given with the pairing 'style', and only then", self.style_name)
        for name in ("tiles_per_piece", "validation_tiles_per_piece"):
            if getattr(self, name) < 1:
                raise _refused(name, "at least 1", getattr(self, name))
        if not self.gamma >= 0:
            raise _refused("gamma", "0 or more", self.gamma)
        if not self.plateau_min_delta >= 0:
            raise _refused("plateau_min_delta", "0 or more", self.plateau_min_delta)
        if not 0 <= self.min_tissue <= 1:
            raise _refused("min_tissue", "0 to 1", self.min_tissue)
        self.execution()  # checks the others

    @property
    def n_styles(self) -> int:
        """Images of a tile that the network sees at once: 2 for pairs, otherwise 1."""
        return 1 if self.pairing == "none" else 2

    def execution(self) -> TrainingSpec:
        """Return where, how fast and how long it runs, as the machinery of all trainings takes it."""
        is_cycle = self.schedule == "one_cycle"
        return TrainingSpec(
            lr=self.lr,
            batch_size=self.batch_size,
            max_chunks=self.max_chunks,
            plateau_patience=self.max_chunks + 1 if is_cycle else self.plateau_patience,
            plateau_factor=self.plateau_factor,
            plateau_min_delta=0.0,  # what is watched counts the better chunks
            stop_patience=self.max_chunks + 1 if is_cycle else self.stop_patience,
            seed=self.seed,
            stream=self.stream,
            precision=self.precision,
            accelerator=self.accelerator,
            devices=self.devices,
            strategy=self.strategy,
            threads=self.threads,
            read_threads=self.read_threads,
            open_slides=self.open_slides,
        )

    def learning_rate(self, done: float) -> float:
        """Return the learning rate of one cycle when a share of all steps is done.

        Both the rise, from a 25th, and the fall follow half a cosine.

        >>> spec = FingerprintTraining(lr=1e-3, schedule="one_cycle")
        >>> [round(spec.learning_rate(done), 6) for done in (0, 0.125, 0.25, 0.625, 1)]
        [4e-05, 0.00052, 0.001, 0.0005, 0.0]
        """
        if done < _RISE:
            return self.lr * (_START + (1 - _START) * (1 - math.cos(math.pi * done / _RISE)) / 2)
        return self.lr * (1 + math.cos(math.pi * (done - _RISE) / (1 - _RISE))) / 2

    def recipe(self) -> dict[str, Any]:
        """Return the values that decide what is learned, as JSON types, without those that only say where it runs.

        >>> "gamma" in FingerprintTraining().recipe(), "devices" in FingerprintTraining().recipe()
        (True, False)
        """
        return {name: value for name, value in dataclasses.asdict(self).items() if name not in _EXECUTION}


def _refused(name: str, constraint: str, value: object) -> ConfigError:
    return ConfigError(f"the {name!r} parameter of a fingerprint training must be {constraint}. Got {value!r} instead.")
