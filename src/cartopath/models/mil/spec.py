"""What a multiple-instance head is, in values that travel with its weights. Imports no torch."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from cartopath.core.errors import ConfigError, closest

TARGETS = ("regression", "classification", "ordinal", "survival")

_PAPER = {"n_hidden": 128, "n_layers": 1, "activation": "none", "dropout": 0.2, "clamp": 10.0}
_DEFAULTS: dict[str, dict[str, Any]] = {
    "attention": _PAPER,
    "gated_attention": _PAPER,
    "mean": _PAPER,
    "max": _PAPER,
    "linear": _PAPER,
    "exponential": _PAPER,
    "top_k": {"n_hidden": 256, "n_layers": 2, "activation": "relu", "dropout": 0.25, "clamp": 0.0},
    "receptor": {"n_hidden": 8, "n_layers": 1, "activation": "relu", "dropout": 0.0, "clamp": 3.0},
    "transformer": {"n_hidden": 64, "n_layers": 2, "activation": "relu", "dropout": 0.2, "clamp": 10.0},
}
HEADS = tuple(_DEFAULTS)

_DEEP = ("top_k", "receptor", "transformer")


@dataclass(frozen=True, slots=True, kw_only=True)
class MilSpec:
    """A head that gives every tile a value v and a weight w; a bag's prediction is the sum of w v, and the weights sum to 1.

    What is None takes the default of its head.

    * `attention`: linear to `n_hidden`, dropout, linear to the value; weights are the softmax over the bag of
      u tanh(V h + c) with `n_attention` rows in V (Graziani et al. 2022; F60).
    * `gated_attention`: the same with tanh(V h + c) times the logistic of G h + g (Ilse et al. 2018).
    * `mean`, `max`: the same values, all weights equal, or all on the highest value (F63).
    * `linear`, `exponential`: weights in proportion to ln(1 + exp v), which is v where v is large, and to exp v (F63).
    * `top_k`: values from `n_layers` hidden layers with ReLU, equal weights on the k highest; each step draws k from `ks`, and
      afterwards the weights are the mean over `ks` (HE2RNA, Schmauch et al. 2020; F64).
    * `receptor`: `n_hidden` units with ReLU, tanh times `clamp` as value, all weights equal (Rawat et al. 2020; F52).
    * `transformer`: tiles are gathered into `n_supertiles` groups by k-means, a small transformer looks at the groups' means, and
      a tile has the value of its group; groups weigh the same, within a group tiles do (after SEQUOIA, Pizurica et al. 2024).

    Attributes:
        head: One of `HEADS`.
        n_features: Length of the features it takes.
        n_outputs: Values predicted at once, such as genes; weights are shared between them where the head's kind allows no other.
        target: `regression`, `classification` (each output is 0 or 1), `ordinal` (levels 0, 1, ... of one quantity each), or
            `survival` (one risk).
        n_levels: Of an ordinal target.
        n_hidden: Units of the hidden layer(s), or of a token.
        n_layers: How many hidden layers, or layers of the transformer. Heads with attention and those that pool like it compute
            the same functions with none, from a quarter of the weights, and then dropout leaves out features.
        activation: After hidden layers: `none` or `relu`.
        n_attention: Units of attention, or its heads in a transformer times 16.
        dropout: Share of hidden units that a training step leaves out, the same for all tiles of a bag; never at inference (F70).
        clamp: Values stay within plus and minus this; 0 for any value.
        ks: Numbers of tiles that `top_k` looks at; larger than a bag means all of it.
        n_supertiles: Groups of tiles that a transformer looks at; bags with fewer tiles have fewer.
    """

    head: str = "attention"
    n_features: int
    n_outputs: int = 1
    target: str = "regression"
    n_levels: int = 2
    n_hidden: int | None = None
    n_layers: int | None = None
    activation: str | None = None
    n_attention: int = 64
    dropout: float | None = None
    clamp: float | None = None
    ks: tuple[int, ...] = (1, 2, 5, 10, 20, 50, 100)
    n_supertiles: int = 100

    def __post_init__(self) -> None:
        _check_name("head", self.head, HEADS)
        _check_name("target", self.target, TARGETS)
        for name, value in _DEFAULTS[self.head].items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        object.__setattr__(self, "ks", tuple(self.ks))
        _check_name("activation", str(self.activation), ("none", "relu"))
        for name in ("n_features", "n_outputs", "n_hidden", "n_attention", "n_supertiles"):
            if getattr(self, name) < 1:
                raise _refused(name, "at least 1", getattr(self, name))
        least = 1 if self.head in _DEEP else 0
        if self.depth < least:
            raise _refused("n_layers", f"at least {least} for the head {self.head!r}", self.n_layers)
        self._check_combinations()

    def _check_combinations(self) -> None:
        if not 0 <= self.rate < 1:
            raise _refused("dropout", "from 0 to below 1", self.dropout)
        if not self.bound >= 0:
            raise _refused("clamp", "0 or more", self.clamp)
        if self.head == "receptor" and self.bound == 0:
            raise _refused("clamp", "above 0 for a receptor head, whose values are tanh times it", self.clamp)
        if not self.ks or min(self.ks) < 1:
            raise _refused("ks", "one or more numbers from 1", self.ks)
        if self.n_levels < 2:
            raise _refused("n_levels", "at least 2", self.n_levels)
        if self.target == "survival" and self.n_outputs != 1:
            raise _refused("n_outputs", "1 for survival: one risk", self.n_outputs)
        if self.depth == 0 and self.activation != "none":
            raise _refused("activation", "'none' without hidden layers", self.activation)
        if self.head == "transformer" and self.width % self.n_token_heads:
            raise _refused("n_hidden", f"a multiple of {self.n_token_heads} (n_attention / 16)", self.n_hidden)

    @property
    def width(self) -> int:
        """Units of a hidden layer."""
        return self.n_hidden or 0

    @property
    def depth(self) -> int:
        """How many hidden layers."""
        return self.n_layers or 0

    @property
    def rate(self) -> float:
        """Share of hidden units that a step leaves out."""
        return self.dropout or 0.0

    @property
    def bound(self) -> float:
        """What values stay within; 0 for any value."""
        return self.clamp or 0.0

    @property
    def has_attention(self) -> bool:
        """Whether weights are learned."""
        return self.head in ("attention", "gated_attention")

    @property
    def is_folded(self) -> bool:
        """Whether the hidden layer, if any, can be computed together with those that follow: nothing is between them."""
        return self.depth <= 1 and self.activation == "none" and self.head != "transformer"

    @property
    def n_droppable(self) -> int:
        """How many hidden units dropout can leave out; without hidden layers, features."""
        if self.head == "transformer":
            return self.width
        return self.width * self.depth or self.n_features

    @property
    def n_token_heads(self) -> int:
        """Attention heads of a transformer."""
        return max(1, self.n_attention // 16)

    def to_dict(self) -> dict[str, Any]:
        """Return the values as JSON types; `MilSpec.from_dict` leads back.

        >>> MilSpec.from_dict(MilSpec(head="top_k", n_features=512).to_dict()).n_layers
        2
        """
        return {**dataclasses.asdict(self), "ks": list(self.ks)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> MilSpec:
        """Return the spec that `to_dict` described.

        Raises:
            ConfigError: A value is missing, unknown or out of range.
        """
        try:
            return cls(**{**values, "ks": tuple(values["ks"])})
        except (TypeError, KeyError) as error:
            raise ConfigError(f"no description of a multiple-instance head: {error}") from error


def _check_name(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        near = closest(value, allowed)
        hint = f" (closest: {', '.join(near)})" if near else ""
        raise _refused(name, f"one of {', '.join(map(repr, allowed))}{hint}", value)


def _refused(name: str, constraint: str, value: object) -> ConfigError:
    return ConfigError(f"the {name!r} parameter of a multiple-instance head must be {constraint}. Got {value!r} instead.")
