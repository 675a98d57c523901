"""How to train a head: every number of the recipe. Imports no torch."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from cartopath.core.errors import ConfigError

BALANCES = ("none", "class")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadTraining:
    """The recipe for receptor heads (Rawat et al. 2020, Methods; METHODS 2.5).

    The paper gives the head, the stopping rule and "batches consistent with multiple instance learning"; the numbers are ours.
    An epoch shows every training patient once: in each step `bags_per_step` patients with `tiles_per_bag` tiles each, drawn anew
    [A28]. Validation looks at all tiles.

    The loss of a patient is the binary cross-entropy of (s + 1) / 2, where s is the mean of the tiles' scores, the same number
    that validation, test and maps use [A27]. Where tiles differ, a mean near +1 is out of reach; cross-entropy then still asks
    mostly about patients on the wrong side, while a squared error against +1 and -1 would drive the tiles that say nothing.

    Attributes:
        n_hidden: Units between the two layers.
        lr: Learning rate of AdamW.
        weight_decay: Of AdamW.
        bags_per_step: Patients per step.
        tiles_per_bag: Tiles per patient and step at most; None for all.
        max_epochs: End at the latest after this many epochs.
        patience: Epochs in a row that are not the best so far after which training ends.
        balance: `class`: the loss weighs both classes equally, whatever their numbers of patients, so that 0 stays the cut of a
            rare class; or `none`.
        seed: Seed of the study.
        stream: Names under which this training draws from the seed, such as encoder, trait and fold.
    """

    n_hidden: int = 8
    lr: float = 1e-3
    weight_decay: float = 1e-2
    bags_per_step: int = 8
    tiles_per_bag: int | None = 24
    max_epochs: int = 200
    patience: int = 20
    balance: str = "class"
    seed: int = 0
    stream: tuple[str | int, ...] = ()

    def __post_init__(self) -> None:
        for name in ("n_hidden", "bags_per_step", "tiles_per_bag", "max_epochs", "patience"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise _refused(name, "at least 1", getattr(self, name))
        if not self.lr > 0:
            raise _refused("lr", "positive", self.lr)
        if not self.weight_decay >= 0:
            raise _refused("weight_decay", "0 or more", self.weight_decay)
        if self.balance not in BALANCES:
            raise _refused("balance", f"one of {', '.join(map(repr, BALANCES))}", self.balance)

    def recipe(self) -> dict[str, Any]:
        """Return all values as JSON types: each of them decides what is learned.

        >>> HeadTraining().recipe()["tiles_per_bag"]
        24
        """
        return dataclasses.asdict(self)


def _refused(name: str, constraint: str, value: object) -> ConfigError:
    return ConfigError(f"the {name!r} parameter of a head's training must be {constraint}. Got {value!r} instead.")
