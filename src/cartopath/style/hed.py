"""Amounts of haematoxylin, eosin and DAB by fixed vectors (Ruifrok and Johnston 2001, Anal Quant Cytol Histol 23:291-299).

The vectors are not fitted, so it always works and the numbers of all slides mean the same thing; real stains lean away from them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import StatisticsError
from cartopath.style.colour import Vector, as_vector
from cartopath.style.densities import from_optical_density, optical_density, unit_rows
from cartopath.style.tissue import check_tile, stained_share, tissue_pixels

WHITE: Vector = (255.0, 255.0, 255.0)
STAINS = unit_rows(np.array([[0.650, 0.704, 0.286], [0.072, 0.990, 0.105], [0.268, 0.570, 0.776]]))
"""Unit vectors of haematoxylin, eosin and DAB in R, G, B, one per row."""
UNMIXING = np.linalg.inv(STAINS)
"""From optical densities (R, G, B) to amounts of haematoxylin, eosin, DAB: `density @ UNMIXING`."""


@dataclass(frozen=True, slots=True)
class HedStyle:
    """Mean and standard deviation of the amounts of haematoxylin, eosin and DAB in tissue, natural optical density.

    Attributes:
        mean: One per stain.
        sd: One per stain.
    """

    method: ClassVar[str] = "hed"
    mean: Vector
    sd: Vector


@dataclass(frozen=True, slots=True, kw_only=True)
class Hed:
    """Fits and transforms by the amounts of three stains with fixed vectors.

    Attributes:
        spares_glass: Whether clear glass stays as it is. Otherwise it is tinted like all else; but between glass that stays
            and tissue that becomes much darker there are edges that were not there.
    """

    spares_glass: bool = False

    def fit(self, tiles: Iterable[NDArray[np.uint8]] | NDArray[np.uint8]) -> HedStyle:
        """Return how much of each stain tiles have.

        Args:
            tiles: Each uint8 (height, width, 3), of any size, or an array of them.

        Raises:
            StatisticsError: There is too little tissue, or all of it has one colour.
        """
        amounts = hed_amounts(tissue_pixels(tiles)).astype(np.float64)  # (n, 3)
        mean, sd = amounts.mean(axis=0), amounts.std(axis=0)
        if not (sd > 1e-4).all():
            raise StatisticsError("no style can be fitted: all tissue has the same colour; give tiles with more than one")
        return HedStyle(as_vector(mean), as_vector(sd))

    def transform(self, tile: NDArray[np.uint8], source: HedStyle, target: HedStyle) -> NDArray[np.uint8]:
        """Return a tile, or tiles, with amounts of stain as in the target.

        Args:
            tile: uint8 (..., height, width, 3) RGB.
            source: Style of the slide it is from.
            target: Style it is to have.

        Returns:
            uint8 of the same shape.
        """
        gains = np.array(target.sd) / np.array(source.sd)
        shifts = np.array(target.mean) - gains * np.array(source.mean)
        return change_amounts(tile, gains, shifts, spares_glass=self.spares_glass)


def hed_amounts(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the amounts of haematoxylin, eosin and DAB, float32 (..., 3), of uint8 (..., 3) RGB."""
    return optical_density(pixels, WHITE) @ UNMIXING.astype(np.float32)


def change_amounts(
    tile: NDArray[np.uint8],
    gains: NDArray[np.float64],
    shifts: NDArray[np.float64],
    *,
    stains: NDArray[np.float64] = STAINS,
    white: Vector = WHITE,
    spares_glass: bool = True,
) -> NDArray[np.uint8]:
    """Return a tile with every amount of stain `gain * amount + shift`.

    Args:
        tile: uint8 (..., height, width, 3) RGB.
        gains: (3,), one per stain.
        shifts: (3,), one per stain, natural optical density.
        stains: (3, 3), a stain vector in each row.
        white: R, G, B of empty glass.
        spares_glass: Whether clear glass stays as it is, and pale pixels change only partly.

    Returns:
        uint8 of the same shape.
    """
    check_tile(tile)
    density = optical_density(tile, white)
    change = np.linalg.inv(stains) @ np.diag(gains) @ stains - np.eye(3)
    moved = density @ change.astype(np.float32) + (shifts @ stains).astype(np.float32)
    return from_optical_density(density + (stained_share(tile) * moved if spares_glass else moved), white)
