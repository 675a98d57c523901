"""Random changes of stain as augmentation (Tellez et al. 2018, IEEE Trans Med Imaging 37:2126): a gain and a shift per stain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import ConfigError
from cartopath.style.colour import Vector, as_vector
from cartopath.style.densities import Matrix, with_residual
from cartopath.style.hed import STAINS, WHITE, change_amounts
from cartopath.style.macenko import MacenkoStyle


@dataclass(frozen=True, slots=True)
class StainChange:
    """One draw: every amount of stain becomes `gain * amount + shift`.

    Attributes:
        gains: One per stain.
        shifts: One per stain, natural optical density.
    """

    gains: Vector
    shifts: Vector


@dataclass(frozen=True, slots=True, kw_only=True)
class StainJitter:
    """Draws changes of stain and applies them.

    With `rng = cartopath.core.rng.stream(seed, "stain jitter", tile_id)` a tile changes in the same way in every run.

    Attributes:
        gain: Gains are drawn uniformly from 1 - gain to 1 + gain. 0.05 and 0.2 are the light and the strong setting of the paper.
        shift: Shifts are drawn uniformly from -shift to +shift, natural optical density.
        style: Stain vectors of the slides in question; without one, those of Ruifrok and Johnston 2001. With one, the third
            "stain" is what the other two leave unexplained, and is not changed.

    Raises:
        ConfigError: A width is negative, or a gain could become so.
    """

    gain: float = 0.05
    shift: float = 0.05
    style: MacenkoStyle | None = None

    def __post_init__(self) -> None:
        for name, value, high in (("gain", self.gain, 1.0), ("shift", self.shift, float("inf"))):
            if not 0 <= value < high:
                limit = "0 or more" if high == float("inf") else "at least 0 and below 1"
                raise ConfigError(f"the {name!r} parameter of StainJitter must be {limit}. Got {value!r} instead.")

    def draw(self, rng: np.random.Generator) -> StainChange:
        """Return one change; always six numbers are drawn from `rng`."""
        gains, shifts = rng.uniform(-1.0, 1.0, (2, 3)) * np.array([[self.gain], [self.shift]])
        if self.style is not None:
            gains[2] = shifts[2] = 0.0
        return StainChange(as_vector(1.0 + gains), as_vector(shifts))

    def apply(self, tile: NDArray[np.uint8], change: StainChange) -> NDArray[np.uint8]:
        """Return a tile, or tiles, with a change made; clear glass stays as it is.

        Args:
            tile: uint8 (..., height, width, 3) RGB.
            change: What `draw` returned.

        Returns:
            uint8 of the same shape.
        """
        stains, white = self._stains()
        return change_amounts(tile, np.array(change.gains), np.array(change.shifts), stains=stains, white=white)

    def __call__(self, tile: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return a tile, uint8 (height, width, 3), with a change drawn from `rng`; of a batch all tiles change alike."""
        return self.apply(tile, self.draw(rng))

    def _stains(self) -> tuple[Matrix, Vector]:
        if self.style is None:
            return STAINS, WHITE
        return with_residual(self.style.stains), self.style.white
