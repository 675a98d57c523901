"""Mean and spread of colour moved from one slide to another (Reinhard et al. 2001, IEEE Comput Graph Appl 21(5):34)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import ConfigError, StatisticsError
from cartopath.style.colour import Floats, Vector, as_vector, lab_to_rgb, opponent_to_rgb, rgb_to_lab, rgb_to_opponent
from cartopath.style.tissue import check_tile, stained_share, tissue_pixels

_Space = tuple[Callable[[NDArray[np.uint8]], Floats], Callable[[Floats], NDArray[np.uint8]]]

SPACES: dict[str, _Space] = {"cielab": (rgb_to_lab, lab_to_rgb), "l-alpha-beta": (rgb_to_opponent, opponent_to_rgb)}
"""Colour spaces by name: how to get there from bytes, and back."""


@dataclass(frozen=True, slots=True)
class ReinhardStyle:
    """Mean and standard deviation of the colour of tissue.

    Attributes:
        mean: Along the three axes of the colour space.
        sd: The same.
        space: `cielab` or `l-alpha-beta`.
    """

    method: ClassVar[str] = "reinhard"
    mean: Vector
    sd: Vector
    space: str = "cielab"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reinhard:
    """Fits and transforms by mean and standard deviation.

    Statistics are of tissue only: in the paper, which is about photographs, all pixels count, and a slide with more glass would
    become darker for it.

    Attributes:
        space: `cielab`, which the programs for slides use, or `l-alpha-beta` of the paper.
        spares_glass: Whether clear glass stays as it is. Otherwise it is tinted like all else; but between glass that stays
            and tissue that becomes much darker there are edges that were not there.

    Raises:
        ConfigError: There is no such space.
    """

    space: str = "cielab"
    spares_glass: bool = False

    def __post_init__(self) -> None:
        if self.space not in SPACES:
            raise ConfigError(
                f"the 'space' parameter of Reinhard must be one of {', '.join(SPACES)}. Got {self.space!r} instead."
            )

    def fit(self, tiles: Iterable[NDArray[np.uint8]] | NDArray[np.uint8]) -> ReinhardStyle:
        """Return mean and standard deviation of the colour of tiles.

        Args:
            tiles: Each uint8 (height, width, 3), of any size, or an array of them.

        Raises:
            StatisticsError: There is too little tissue, or all of it has one colour.
        """
        colours = SPACES[self.space][0](tissue_pixels(tiles)).astype(np.float64)  # (n, 3)
        mean, sd = colours.mean(axis=0), colours.std(axis=0)
        if not (sd > 1e-4).all():
            raise StatisticsError("no style can be fitted: all tissue has the same colour; give tiles with more than one")
        return ReinhardStyle(as_vector(mean), as_vector(sd), self.space)

    def transform(self, tile: NDArray[np.uint8], source: ReinhardStyle, target: ReinhardStyle) -> NDArray[np.uint8]:
        """Return a tile, or tiles, in the colours of the target.

        Args:
            tile: uint8 (..., height, width, 3) RGB.
            source: Style of the slide it is from.
            target: Style it is to have.

        Returns:
            uint8 of the same shape.

        Raises:
            ConfigError: The styles are of different spaces.
        """
        check_tile(tile)
        if source.space != target.space:
            raise ConfigError(f"styles of different colour spaces: {source.space!r} and {target.space!r}; fit both in one space")
        forth, back = SPACES[source.space]
        gain = (np.array(target.sd) / np.array(source.sd)).astype(np.float32)
        shift = (np.array(target.mean) - gain * np.array(source.mean)).astype(np.float32)
        colours = forth(tile)
        moved = colours * gain + shift
        return back(colours + stained_share(tile) * (moved - colours) if self.spares_glass else moved)
