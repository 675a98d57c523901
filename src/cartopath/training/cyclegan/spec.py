"""How a CycleGAN is trained. The defaults are those of its authors' program (METHODS: Rawat et al. 2020 used it unchanged)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from cartopath.core.errors import ConfigError
from cartopath.models.cyclegan.spec import DiscriminatorSpec, GeneratorSpec

_EXECUTION = frozenset({"accelerator", "devices", "threads"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleGanSpec:
    """Settings of a training.

    Attributes:
        generator: Sizes of both generators.
        discriminator: Sizes of both discriminators.
        load_px: Tiles are first resized to this side; None leaves them as they are, and with them their micrometres per pixel.
        crop_px: Side of the random crops that are learned from; a multiple of the generator's `multiple_px`.
        flips: Whether crops are mirrored at random, left to right.
        batch_size: Tiles of each style per step.
        lr: Of Adam, in the first epochs.
        beta1: Of Adam.
        epochs: With the full learning rate.
        decay_epochs: In which the learning rate falls linearly towards zero.
        steps_per_epoch: None for as many as show every tile of the larger set once.
        pool_size: Generated pictures that are kept to be shown to the discriminators later; 0 for none.
        cycle_weight: Of the difference after the way there and back (lambda).
        identity_weight: Of the change of tiles that have the wanted style already, as a share of `cycle_weight`; 0 for none.
        seed: Of the study.
        stream: Names under which this training draws from the seed.
        precision: `32-true`, `16-mixed`, `bf16-mixed` (GPU only), or `auto`. The authors trained in 32 bits.
        accelerator: `auto`, `cpu`, `gpu`, `cuda` or `mps`.
        devices: Which GPU, as a tuple of one index; 1 for the first.
        threads: Of torch on the CPU.

    Raises:
        ConfigError: A value is impossible; the message names it.
    """

    generator: GeneratorSpec = field(default_factory=GeneratorSpec)
    discriminator: DiscriminatorSpec = field(default_factory=DiscriminatorSpec)
    load_px: int | None = 286
    crop_px: int = 256
    flips: bool = True
    batch_size: int = 1
    lr: float = 2e-4
    beta1: float = 0.5
    epochs: int = 100
    decay_epochs: int = 100
    steps_per_epoch: int | None = None
    pool_size: int = 50
    cycle_weight: float = 10.0
    identity_weight: float = 0.5
    seed: int = 0
    stream: tuple[str | int, ...] = ()
    precision: str = "32-true"
    accelerator: str = "auto"
    devices: int | tuple[int] = 1
    threads: int = 1

    def __post_init__(self) -> None:
        at_least = {"crop_px": 1, "batch_size": 1, "epochs": 0, "decay_epochs": 0, "pool_size": 0, "threads": 1}
        for name, low in at_least.items():
            _require(getattr(self, name) >= low, name, getattr(self, name), f"at least {low}")
        _require(self.steps_per_epoch is None or self.steps_per_epoch >= 1, "steps_per_epoch", self.steps_per_epoch, "at least 1")
        _require(self.n_epochs >= 1, "epochs", self.epochs, "at least 1 together with 'decay_epochs'")
        multiple = self.generator.multiple_px
        _require(self.crop_px % multiple == 0, "crop_px", self.crop_px, f"a multiple of {multiple} for this generator")
        _require(self.load_px is None or self.load_px >= self.crop_px, "load_px", self.load_px, f"at least {self.crop_px}")
        least = self.discriminator.smallest_px
        _require(self.crop_px >= least, "crop_px", self.crop_px, f"at least {least} for this discriminator")
        _require(self.lr > 0, "lr", self.lr, "positive")
        _require(0 <= self.beta1 < 1, "beta1", self.beta1, "at least 0 and below 1")
        _require(self.cycle_weight >= 0, "cycle_weight", self.cycle_weight, "0 or more")
        _require(self.identity_weight >= 0, "identity_weight", self.identity_weight, "0 or more")

    @property
    def n_epochs(self) -> int:
        """All epochs."""
        return self.epochs + self.decay_epochs

    def lr_of(self, epoch: int) -> float:
        """Return the learning rate of an epoch, counted from 0: constant, then falling by equal steps, never quite zero.

        >>> spec = CycleGanSpec()
        >>> [round(spec.lr_of(epoch) / spec.lr * 101, 6) for epoch in (0, 99, 100, 199)]
        [101.0, 101.0, 100.0, 1.0]
        """
        return self.lr * (1 - max(0, epoch + 1 - self.epochs) / (self.decay_epochs + 1))

    def recipe(self) -> dict[str, Any]:
        """Return the values that decide what is learned, as JSON types, without those that only say where it runs."""
        return {name: value for name, value in dataclasses.asdict(self).items() if name not in _EXECUTION}


def _require(holds: bool, name: str, value: object, constraint: str) -> None:
    if not holds:
        raise ConfigError(f"the {name!r} parameter of a CycleGAN training must be {constraint}. Got {value!r} instead.")
