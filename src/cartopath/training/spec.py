"""How to train: every number of the recipe, with the paper's values as defaults. Imports no torch."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from cartopath.core.errors import ConfigError

CHECKPOINT_METRICS = ("slide_auroc", "tile_auroc", "loss")
BALANCES = ("none", "class")
PRECISIONS = ("auto", "32-true", "16-mixed", "bf16-mixed")

_SHUFFLE_BYTES = 1 << 30

# Where and how fast it runs; a training may be taken up again with other values of these.
_EXECUTION = ("precision", "accelerator", "devices", "strategy", "threads", "read_threads", "open_slides")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSpec:
    """The recipe of Levy-Jurgenson et al. 2020 (Methods; METHODS 1.6), each value open to change.

    A *chunk* is one sixteenth of a pass over the training tiles, followed by a validation: what the paper's code calls an epoch.

    Attributes:
        lr: Learning rate of Adam at the start.
        batch_size: Tiles per step over all devices together; they share it evenly. The paper used 144 on eight GPUs.
        validations_per_epoch: Chunks per pass.
        max_chunks: End at the latest after this many chunks.
        plateau_patience: Chunks in a row without a lower validation loss after which the learning rate falls.
        plateau_factor: What it is then multiplied by: 0.1, the default of Keras [A17].
        plateau_min_delta: How much lower counts as lower for the learning rate: 1e-4, the default of Keras.
        stop_patience: Chunks in a row without a lower validation loss after which training ends.
        checkpoint_metric: The validation metric of which the best chunk's weights are kept [A15]: `slide_auroc`, the AUROC of
            the slides' shares of positive tiles; `tile_auroc`; or `loss`. Among equals the lower loss wins, then the earlier
            chunk: a slide-level AUROC over some dozen slides is coarse, and ties are the rule.
        balance: `none` as in the paper, or `class`: the loss weighs both classes equally, whatever their numbers of tiles.
        flips: Flip tiles at random, horizontally and vertically, independently, each with probability 0.5.
        shuffle_tiles: Tiles are drawn at random from so many that are held in memory and refilled block by block: more mix
            better, and cost memory (docs/training.md). A training with no more tiles than that is shuffled uniformly. None for
            as many as fit 1 GiB.
        tiles_per_slide: At most so many tiles of a slide in one pass, drawn anew for each pass, block by block; None for all.
        validation_tiles_per_slide: At most so many tiles of a slide in every validation, always the same; None for all [A18].
        seed: Seed of the study.
        stream: Names under which this training draws from the seed, such as trait and round.
        precision: `32-true`, `16-mixed`, `bf16-mixed` (GPU only), or `auto`: bf16 or 16 on a GPU, 32 elsewhere.
        accelerator: `auto` (a CUDA GPU if there is one, otherwise the CPU), `cpu`, `gpu`, `cuda` or `mps`.
        devices: How many, which (a tuple of indices), or `auto` for all GPUs.
        strategy: Of Lightning; `auto` means DDP in spawned processes where there are several devices.
        threads: Of torch on the CPU, per process. One by default, so that results do not depend on the machine.
        read_threads: Threads that decode tiles, per device; None for one per core that each device can have, at most eight.
        open_slides: Slides kept open at once, per device.
    """

    lr: float = 1e-3
    batch_size: int = 32
    validations_per_epoch: int = 16
    max_chunks: int = 1000
    plateau_patience: int = 10
    plateau_factor: float = 0.1
    plateau_min_delta: float = 1e-4
    stop_patience: int = 30
    checkpoint_metric: str = "slide_auroc"
    balance: str = "none"
    flips: bool = True
    shuffle_tiles: int | None = None
    tiles_per_slide: int | None = None
    validation_tiles_per_slide: int | None = None
    seed: int = 0
    stream: tuple[str | int, ...] = ()
    precision: str = "auto"
    accelerator: str = "auto"
    devices: int | tuple[int, ...] | str = 1
    strategy: str = "auto"
    threads: int = 1
    read_threads: int | None = None
    open_slides: int = 32

    def __post_init__(self) -> None:
        for name, allowed in (("checkpoint_metric", CHECKPOINT_METRICS), ("balance", BALANCES), ("precision", PRECISIONS)):
            if getattr(self, name) not in allowed:
                raise _refused(name, f"one of {', '.join(map(repr, allowed))}", getattr(self, name))
        for name in (
            *("validations_per_epoch", "max_chunks", "plateau_patience", "stop_patience", "threads", "open_slides"),
            *("shuffle_tiles", "tiles_per_slide", "validation_tiles_per_slide", "read_threads"),
        ):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise _refused(name, "at least 1", getattr(self, name))
        if self.batch_size < 2:
            raise _refused("batch_size", "at least 2, since batch normalization compares tiles", self.batch_size)
        if not self.lr > 0:
            raise _refused("lr", "positive", self.lr)
        if not 0 < self.plateau_factor < 1:
            raise _refused("plateau_factor", "between 0 and 1", self.plateau_factor)
        if not self.plateau_min_delta >= 0:
            raise _refused("plateau_min_delta", "0 or more", self.plateau_min_delta)

    def buffer_tiles(self, size_px: int) -> int:
        """Return from how many tiles of `size_px` px are drawn at random.

        >>> TrainingSpec().buffer_tiles(512), TrainingSpec(shuffle_tiles=4096).buffer_tiles(512)
        (1365, 4096)
        """
        return self.shuffle_tiles or max(1, _SHUFFLE_BYTES // (size_px**2 * 3))

    def recipe(self) -> dict[str, Any]:
        """Return the values that decide what is learned, as JSON types, without those that only say where it runs.

        >>> "lr" in TrainingSpec().recipe(), "devices" in TrainingSpec().recipe()
        (True, False)
        """
        return {name: value for name, value in dataclasses.asdict(self).items() if name not in _EXECUTION}


def _refused(name: str, constraint: str, value: object) -> ConfigError:
    return ConfigError(f"the {name!r} parameter of a training must be {constraint}. Got {value!r} instead.")
