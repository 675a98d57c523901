"""What a network is, in five values that travel with its weights. Imports no torch."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from cartopath.core.errors import ConfigError

POOLS = ("max", "avg")
INPUT_RANGES = ("0..1", "imagenet")


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSpec:
    """One timm backbone with global pooling and one output, for square tiles.

    Attributes:
        backbone: Name of a timm model, such as `inception_v3` or `resnet18`.
        pool: Global pooling before the output: `max` as in the code of Levy-Jurgenson et al. 2020, or `avg` [A16].
        size_px: Side of the tiles in pixels.
        pretrained: Start from timm's published weights, which are downloaded, instead of random ones.
        input_range: `0..1` divides 8-bit values by 255 and no more (Levy-Jurgenson et al. 2020); `imagenet` then also
            standardizes each channel by ImageNet's mean and standard deviation, which published weights expect.
    """

    backbone: str = "inception_v3"
    pool: str = "max"
    size_px: int = 512
    pretrained: bool = False
    input_range: str = "0..1"

    def __post_init__(self) -> None:
        _one_of("pool", self.pool, POOLS)
        _one_of("input_range", self.input_range, INPUT_RANGES)
        if not self.backbone:
            raise ConfigError("the network's 'backbone' must be the name of a timm model. Got an empty one.")
        if self.size_px < 1:
            raise ConfigError(f"the network's 'size_px' must be at least 1. Got {self.size_px} instead.")

    def to_dict(self) -> dict[str, Any]:
        """Return the values as JSON types; `NetworkSpec.from_dict` leads back.

        >>> NetworkSpec.from_dict(NetworkSpec(backbone="resnet18").to_dict()).backbone
        'resnet18'
        """
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> NetworkSpec:
        """Return the spec that `to_dict` described.

        Raises:
            ConfigError: A value is unknown, missing or of the wrong type.
        """
        types = {"backbone": str, "pool": str, "size_px": int, "pretrained": bool, "input_range": str}
        for name in values.keys() ^ types.keys():
            what = "misses" if name in types else "has the unknown key"
            raise ConfigError(f"the description of a network {what} {name!r} (its keys: {', '.join(types)})")
        for name, wanted in types.items():
            if type(values[name]) is not wanted:
                raise ConfigError(f"the network's {name!r} must be of type {wanted.__name__}. Got {values[name]!r} instead.")
        return cls(**values)


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigError(f"the network's {name!r} must be one of {', '.join(map(repr, allowed))}. Got {value!r} instead.")
