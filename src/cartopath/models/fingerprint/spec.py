"""What a fingerprint network is, in values that travel with its weights. Imports no torch."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from cartopath.core.errors import ConfigError

COLOURS = ("rgb", "grey")
INPUT_RANGES = ("0..1", "imagenet")


@dataclass(frozen=True, slots=True, kw_only=True)
class FingerprintSpec:
    """A timm backbone with global average pooling, a fingerprint, and a classifier over pieces of tissue.

    Attributes:
        backbone: Name of a timm model; ResNet34 in Rawat et al. 2020.
        n_features: Length of the fingerprint. A backbone that gives another number of features gets a linear layer to this one.
        size_px: Side of the tiles in pixels.
        mpp: Micrometres per pixel of the tiles.
        colour: `rgb`, or `grey`: the network reduces every tile to its luminance, in training and afterwards [A22].
        pretrained: Start from timm's published weights, which are downloaded, instead of random ones.
        input_range: `0..1`, or `imagenet`, which published weights expect; see `cartopath.models.NetworkSpec`.
        batch_norm: The classifier sees every feature of the fingerprint with mean 0 and standard deviation 1 over the tiles of
            training (batch normalisation without weights of its own), so that what all tiles have in common does not stand in
            its way: identities are learned in about half the steps. The fingerprint itself stays as it is. Not in Rawat et al.
    """

    backbone: str = "resnet34"
    n_features: int = 512
    size_px: int = 224
    mpp: float = 0.5
    colour: str = "rgb"
    pretrained: bool = False
    input_range: str = "0..1"
    batch_norm: bool = False

    def __post_init__(self) -> None:
        for name, allowed in (("colour", COLOURS), ("input_range", INPUT_RANGES)):
            if getattr(self, name) not in allowed:
                raise _refused(name, f"one of {', '.join(map(repr, allowed))}", getattr(self, name))
        for name in ("n_features", "size_px"):
            if getattr(self, name) < 1:
                raise _refused(name, "at least 1", getattr(self, name))
        if not self.mpp > 0:
            raise _refused("mpp", "positive", self.mpp)
        if not self.backbone:
            raise _refused("backbone", "the name of a timm model", self.backbone)

    @property
    def size_um(self) -> float:
        """Side of the tiles in micrometres."""
        return self.size_px * self.mpp

    def to_dict(self) -> dict[str, Any]:
        """Return the values as JSON types; `FingerprintSpec.from_dict` leads back.

        >>> FingerprintSpec.from_dict(FingerprintSpec(colour="grey").to_dict()).colour
        'grey'
        """
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> FingerprintSpec:
        """Return the spec that `to_dict` described; descriptions from before `batch_norm` came lack it.

        Raises:
            ConfigError: A value is unknown, missing or of the wrong type.
        """
        types: dict[str, type | tuple[type, ...]] = {"backbone": str, "n_features": int, "size_px": int, "mpp": (int, float)}
        types |= {"colour": str, "pretrained": bool, "input_range": str, "batch_norm": bool}
        values = {"batch_norm": False, **values}
        for name in sorted(values.keys() ^ types.keys()):
            what = "misses" if name in types else "has the unknown key"
            raise ConfigError(f"the description of a fingerprint network {what} {name!r} (its keys: {', '.join(types)})")
        for name, wanted in types.items():
            if not isinstance(values[name], wanted) or (isinstance(values[name], bool) and wanted is not bool):
                raise _refused(name, f"of type {getattr(wanted, '__name__', 'float')}", values[name])
        return cls(**values)


def _refused(name: str, constraint: str, value: object) -> ConfigError:
    return ConfigError(f"the fingerprint network's {name!r} must be {constraint}. Got {value!r} instead.")
