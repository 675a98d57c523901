"""How to train multiple-instance heads: every number of the recipe. Imports no torch."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from cartopath.core.errors import ConfigError

OPTIMIZERS = ("sgd", "adam", "adamw")
LOSSES = ("mse", "huber")
BALANCES = ("none", "class")


@dataclass(frozen=True, slots=True, kw_only=True)
class MilTraining:
    """The recipe, the same for all heads that are trained together.

    An epoch shows every training bag once, in an order that all jobs share; each step takes `bags_per_step` of them. Features
    have mean 0 and deviation 1 over training bags, regression targets too. Validation bags are looked at without dropout.

    Attributes:
        optimizer: `sgd`, `adam` or `adamw`, as torch defines them.
        lr: Learning rate.
        momentum: Of SGD.
        nesterov: Of SGD.
        weight_decay: Of all weights and biases.
        loss: Of regression: `mse`, or `huber`, which is linear beyond one deviation.
        balance: Of classification: `class` weighs both classes of an output equally, whatever their numbers of patients; or
            `none`.
        max_epochs: End at the latest after this many epochs.
        patience: Epochs in a row that are not the best so far after which training ends.
        bags_per_step: Patients per step.
        tiles_per_bag: Tiles per patient and epoch at most, drawn anew for each epoch; None for all.
        validation_tiles: Tiles per validation patient at most, always the same; None for all.
        components: Replace the features by so many principal components of training tiles; None keeps them.
        feature_noise: Deviation of noise added to the features of training tiles, in deviations of the features.
        seed: Seed of the study.
    """

    optimizer: str = "adamw"
    lr: float = 1e-3
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 1e-2
    loss: str = "mse"
    balance: str = "none"
    max_epochs: int = 100
    patience: int = 12
    bags_per_step: int = 8
    tiles_per_bag: int | None = 256
    validation_tiles: int | None = 1024
    components: int | None = None
    feature_noise: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, allowed in (("optimizer", OPTIMIZERS), ("loss", LOSSES), ("balance", BALANCES)):
            if getattr(self, name) not in allowed:
                raise _refused(name, f"one of {', '.join(map(repr, allowed))}", getattr(self, name))
        for name in ("max_epochs", "patience", "bags_per_step", "tiles_per_bag", "validation_tiles", "components"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise _refused(name, "at least 1", getattr(self, name))
        if not self.lr > 0:
            raise _refused("lr", "positive", self.lr)
        for name in ("weight_decay", "feature_noise"):
            if not getattr(self, name) >= 0:
                raise _refused(name, "0 or more", getattr(self, name))
        if not 0 <= self.momentum < 1:
            raise _refused("momentum", "from 0 to below 1", self.momentum)
        if self.nesterov and self.optimizer == "sgd" and self.momentum == 0:
            raise _refused("momentum", "above 0 with nesterov", self.momentum)

    @classmethod
    def as_published(cls, *, seed: int = 0) -> MilTraining:
        """Return the numbers of Graziani et al. 2022 (METHODS 3.4): SGD, one bag per step with all its tiles."""
        return cls(
            optimizer="sgd", lr=1e-4, bags_per_step=1, tiles_per_bag=None, validation_tiles=None, max_epochs=100, seed=seed
        )

    def recipe(self) -> dict[str, Any]:
        """Return all values as JSON types: each of them decides what is learned.

        >>> MilTraining().recipe()["patience"]
        12
        """
        return dataclasses.asdict(self)


def _refused(name: str, constraint: str, value: object) -> ConfigError:
    return ConfigError(f"the {name!r} parameter of a training of heads must be {constraint}. Got {value!r} instead.")
