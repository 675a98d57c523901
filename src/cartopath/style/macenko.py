"""Stain vectors of a slide as in Macenko et al. 2009 (ISBI, pages 1107-1110), and tiles moved from one pair to another.

The two stains span a plane in the space of optical densities; they are the extreme directions of the pixels in it. A tile is
restyled by giving the same amounts of stain other vectors and another strength.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import StatisticsError
from cartopath.style.colour import Vector, as_vector
from cartopath.style.densities import Matrix, from_optical_density, optical_density, unit_rows, with_residual
from cartopath.style.tissue import MIN_TISSUE_PX, check_tile, stained_share, tissue_pixels

MIN_ANGLE_DEGREES = 3.0
"""Stain vectors closer than this are one stain seen twice."""


@dataclass(frozen=True, slots=True)
class MacenkoStyle:
    """Two stains and their strength.

    Attributes:
        haematoxylin: Unit vector of optical density in R, G, B.
        eosin: The same of the other stain.
        strengths: The 99th percentile of the amounts of haematoxylin and eosin, natural optical density.
        residual: Mean of what the two stains leave unexplained, along the vector at right angles to both: the cast of a scanner
            or of a third dye.
        white: R, G, B of empty glass.
    """

    method: ClassVar[str] = "macenko"
    haematoxylin: Vector
    eosin: Vector
    strengths: tuple[float, float]
    residual: float
    white: Vector

    @property
    def stains(self) -> Matrix:
        """The stain vectors as rows, float64 (2, 3)."""
        return np.array([self.haematoxylin, self.eosin])

    @property
    def angle_degrees(self) -> float:
        """The angle between the two stain vectors."""
        return vector_angle_degrees(self.haematoxylin, self.eosin)


@dataclass(frozen=True, slots=True, kw_only=True)
class Macenko:
    """Fits and transforms by stain vectors.

    Attributes:
        alpha: The extreme directions are this percentile and its counterpart; 1 in the paper.
        beta: Paler pixels say little about direction; 0.15 in the paper. Here it is the mean natural density of the channels:
            were every channel held against it, pixels with eosin alone, which absorbs hardly any red, would be left out, and on
            pale slides nearly all pixels.
        strength_percentile: Of the amounts, which one is the strength; 99 in the paper.
        white: R, G, B of empty glass; 240 in the programs that are in use.
        keeps_residual: Whether what neither stain explains is kept, moved to the mean of the target, so that there and back loses
            nothing. The paper drops it.
    """

    alpha: float = 1.0
    beta: float = 0.15
    strength_percentile: float = 99.0
    white: Vector = (240.0, 240.0, 240.0)
    keeps_residual: bool = True

    def fit(self, tiles: Iterable[NDArray[np.uint8]] | NDArray[np.uint8]) -> MacenkoStyle:
        """Return the stains of tiles.

        Args:
            tiles: Each uint8 (height, width, 3), of any size, or an array of them.

        Raises:
            StatisticsError: There is too little tissue, or no second stain can be told from the first.
        """
        density = optical_density(tissue_pixels(tiles), self.white).astype(np.float64)  # (n, 3)
        dense = density[density.mean(axis=1) >= self.beta]
        if len(dense) < MIN_TISSUE_PX:
            raise StatisticsError(
                f"no stain vectors can be fitted: {len(dense):,} of {len(density):,} tissue pixels have an optical density of "
                f"{self.beta:g} or more, and {MIN_TISSUE_PX:,} are needed; give tiles with more stain"
            )
        stains = self._extremes(dense)
        amounts = density @ np.linalg.inv(with_residual(stains))  # (n, 3)
        strengths = np.percentile(amounts[:, :2], self.strength_percentile, axis=0)
        if not (strengths > 0).all():
            raise StatisticsError("no stain vectors can be fitted: one of the two stains is absent; give tiles with both")
        haematoxylin, eosin = stains
        return MacenkoStyle(
            haematoxylin=as_vector(haematoxylin),
            eosin=as_vector(eosin),
            strengths=(float(strengths[0]), float(strengths[1])),
            residual=float(amounts[:, 2].mean()),
            white=self.white,
        )

    def _extremes(self, density: Matrix) -> Matrix:
        """The two extreme directions in the plane of the two largest principal components, haematoxylin first, float64 (2, 3)."""
        _, vectors = np.linalg.eigh(np.cov(density, rowvar=False))
        plane = vectors[:, [2, 1]]  # (3, 2), the largest first
        # A direction and its opposite are the same component: turn them towards positive densities, or angles would wrap around.
        plane = plane * np.where(plane.sum(axis=0) < 0, -1.0, 1.0)
        along = density @ plane
        angles = np.arctan2(along[:, 1], along[:, 0])
        low, high = np.percentile(angles, [self.alpha, 100 - self.alpha])
        if np.degrees(high - low) < MIN_ANGLE_DEGREES:
            raise StatisticsError(
                f"no stain vectors can be fitted: all tissue has one hue, its directions differ by {np.degrees(high - low):.2g} "
                f"degrees and {MIN_ANGLE_DEGREES:g} are needed; give tiles with both nuclei and stroma"
            )
        directions = np.array([[np.cos(angle), np.sin(angle)] for angle in (low, high)])
        stains = unit_rows(directions @ plane.T)
        # Haematoxylin is blue: it takes more red than eosin does.
        return stains if stains[0, 0] > stains[1, 0] else stains[::-1]

    def transform(self, tile: NDArray[np.uint8], source: MacenkoStyle, target: MacenkoStyle) -> NDArray[np.uint8]:
        """Return a tile, or tiles, as if it had been stained like the target.

        Args:
            tile: uint8 (..., height, width, 3) RGB.
            source: Style of the slide it is from.
            target: Style it is to have.

        Returns:
            uint8 of the same shape.
        """
        check_tile(tile)
        density = optical_density(tile, source.white)
        own, others = with_residual(source.stains), with_residual(target.stains)
        gains = [*(np.array(target.strengths) / np.array(source.strengths)), 1.0 if self.keeps_residual else 0.0]
        moved = density @ (np.linalg.inv(own) @ np.diag(gains) @ others).astype(np.float32)
        if self.keeps_residual:
            # Glass has no residual: a shift of all pixels would tint it.
            moved += stained_share(tile) * ((target.residual - source.residual) * others[2]).astype(np.float32)
        return from_optical_density(moved, target.white)


def vector_angle_degrees(first: Vector, second: Vector) -> float:
    """Return the angle between two vectors.

    >>> round(vector_angle_degrees((1, 0, 0), (1, 1, 0)))
    45
    """
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    return float(np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b)))
