"""What happens to a tile before the network sees it, drawn at random: how much, as numbers. Imports no torch.

Hue, saturation and greyscale are one 3 x 3 matrix per tile on red, green and blue; hue turns the two colour axes of YIQ, so that
grey stays grey. Contrast stretches around the tile's own mean, brightness scales. `augment` applies it all to a batch at once.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import ConfigError

ROTATIONS = ("any", "right_angles", "none")

_TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.595716, -0.274453, -0.321263], [0.211456, -0.522591, 0.311135]])
_FROM_YIQ = np.linalg.inv(_TO_YIQ)


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentationSpec:
    """How much tiles are changed (Rawat et al. 2020, Methods; [A22]).

    Attributes:
        rotation: `any` angle, for which a square 1.42 times as wide is read; `right_angles` only; or `none`.
        flips: Mirror half of the tiles as well, which the paper does not mention.
        brightness: Factor on the light is drawn from 1 - b to 1 + b.
        contrast: Factor on the distance from the tile's mean, likewise.
        saturation: Factor on the distance from grey, likewise.
        hue: Colours are turned by up to this share of a full circle, either way.
        grey: Share of the tiles that are turned to grey.
    """

    rotation: str = "any"
    flips: bool = False
    brightness: float = 0.2
    contrast: float = 0.2
    saturation: float = 0.3
    hue: float = 0.05
    grey: float = 0.2

    def __post_init__(self) -> None:
        if self.rotation not in ROTATIONS:
            raise _refused("rotation", f"one of {', '.join(map(repr, ROTATIONS))}", self.rotation)
        for name, most in (("brightness", 0.9), ("contrast", 0.9), ("saturation", 1.0), ("hue", 0.5), ("grey", 1.0)):
            if not 0 <= getattr(self, name) <= most:
                raise _refused(name, f"0 to {most:g}", getattr(self, name))

    def read_px(self, size_px: int) -> int:
        """Return the side of the square that must be read to cut a turned tile of `size_px` from it.

        >>> AugmentationSpec().read_px(224), AugmentationSpec(rotation="right_angles").read_px(224)
        (318, 224)
        """
        if self.rotation != "any":
            return size_px
        wide = math.ceil(size_px * math.sqrt(2))
        return wide + (wide - size_px) % 2

    def to_dict(self) -> dict[str, Any]:
        """Return the values as JSON types."""
        return dataclasses.asdict(self)


NONE = AugmentationSpec(rotation="none", brightness=0, contrast=0, saturation=0, hue=0, grey=0)
"""Tiles as they are."""


@dataclass(frozen=True, eq=False, slots=True)
class Changes:
    """What is done to the tiles of a batch, each in one or two styles.

    Attributes:
        angle: (n,) float32 radians by which a tile is turned, the same in both styles.
        is_mirrored: (n,) bool.
        colour: (n, n_styles, 3, 3) float32, onto red, green, blue.
        contrast: (n, n_styles) float32.
        brightness: (n, n_styles) float32.
    """

    angle: NDArray[np.float32]
    is_mirrored: NDArray[np.bool_]
    colour: NDArray[np.float32]
    contrast: NDArray[np.float32]
    brightness: NDArray[np.float32]

    def rows(self, rows: NDArray[np.integer] | slice) -> Changes:
        """Return those of some tiles."""
        return Changes(*(getattr(self, name)[rows] for name in Changes.__slots__))


def draw_changes(spec: AugmentationSpec, n: int, n_styles: int, rng: np.random.Generator) -> Changes:
    """Draw what is done to `n` tiles, each in `n_styles` styles whose colours change independently."""
    angle = rng.uniform(0.0, 2 * math.pi, n)
    if spec.rotation == "right_angles":
        angle = np.floor(angle / (math.pi / 2)) * (math.pi / 2)
    elif spec.rotation == "none":
        angle = np.zeros(n)
    mirrored = (rng.random(n) < 0.5) & spec.flips
    shape = (n, n_styles)
    contrast, brightness, saturation = (
        1 + amount * rng.uniform(-1, 1, shape) for amount in (spec.contrast, spec.brightness, spec.saturation)
    )
    hue = 2 * math.pi * spec.hue * rng.uniform(-1, 1, shape)
    saturation = np.where(rng.random(shape) < spec.grey, 0.0, saturation)
    return Changes(
        angle.astype(np.float32),
        mirrored,
        colour_matrix(hue, saturation).astype(np.float32),
        contrast.astype(np.float32),
        brightness.astype(np.float32),
    )


def colour_matrix(hue: NDArray[np.float64], saturation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return matrices on (red, green, blue) that turn hue and scale saturation, (..., 3, 3).

    Args:
        hue: Angles in radians.
        saturation: Factors; 0 gives grey of the same luminance.

    >>> bool(np.allclose(colour_matrix(np.zeros(1), np.ones(1)), np.eye(3)))
    True
    """
    turn = np.zeros((*hue.shape, 3, 3))
    turn[..., 0, 0] = 1.0
    turn[..., 1, 1] = turn[..., 2, 2] = saturation * np.cos(hue)
    turn[..., 1, 2], turn[..., 2, 1] = -saturation * np.sin(hue), saturation * np.sin(hue)
    matrix: NDArray[np.float64] = _FROM_YIQ @ turn @ _TO_YIQ
    return matrix


def _refused(name: str, constraint: str, value: object) -> ConfigError:
    return ConfigError(f"the augmentation's {name!r} must be {constraint}. Got {value!r} instead.")
