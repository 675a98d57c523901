"""What the networks of a CycleGAN are, in values that travel with their weights. Imports no torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from cartopath.core.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorSpec:
    """A generator: halvings, residual blocks, as many doublings. The defaults are those of the authors' program.

    Attributes:
        channels: Of the first layer; twice as many after each halving.
        blocks: Residual blocks.
        halvings: Of the picture's sides before the residual blocks. Fewer keep fine structure more easily and cost more.
    """

    channels: int = 64
    blocks: int = 9
    halvings: int = 2

    def __post_init__(self) -> None:
        _at_least("channels", self.channels, 1)
        _at_least("blocks", self.blocks, 0)
        _at_least("halvings", self.halvings, 0)

    @property
    def multiple_px(self) -> int:
        """What the sides of pictures must be multiples of."""
        return 1 << self.halvings

    def to_dict(self) -> dict[str, int]:
        """Return the values by name.

        >>> GeneratorSpec.from_dict(GeneratorSpec(blocks=6).to_dict()).blocks
        6
        """
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the spec that `to_dict` described.

        Raises:
            ConfigError: A value is unknown, missing or impossible.
        """
        names = [field.name for field in dataclasses.fields(cls)]
        if values.keys() != set(names):
            raise ConfigError(f"a generator is described by {', '.join(names)}. Got {', '.join(values) or 'nothing'} instead.")
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscriminatorSpec:
    """A discriminator that judges overlapping patches; with three layers they are 70 px wide.

    Attributes:
        channels: Of the first layer.
        layers: Convolutions that halve the picture.
    """

    channels: int = 64
    layers: int = 3

    def __post_init__(self) -> None:
        _at_least("channels", self.channels, 1)
        _at_least("layers", self.layers, 1)

    @property
    def patch_px(self) -> int:
        """Side of the patch that one value of the output judges.

        >>> DiscriminatorSpec().patch_px
        70
        """
        side = 1
        for stride in (1, 1, *[2] * self.layers):  # From the last convolution to the first; all kernels are 4 wide.
            side = (side - 1) * stride + 4
        return side

    @property
    def smallest_px(self) -> int:
        """Side of the smallest picture that gives an output: below it nothing is left to judge."""
        return 3 << self.layers


def _at_least(name: str, value: object, low: int) -> None:
    if type(value) is not int or value < low:
        raise ConfigError(f"the {name!r} parameter of a network must be a whole number from {low}. Got {value!r} instead.")
