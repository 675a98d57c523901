"""One simulated slide before it is drawn: its tissue, the planted traits, its stain and its resolution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import ConfigError
from cartopath.core.geometry import SizePx0, SizeUm
from cartopath.core.rng import stream
from cartopath.simulate.fields import Floats, SmoothField, blend, draw_field
from cartopath.simulate.staining import Stain, site_stain
from cartopath.simulate.tissue import Tissue, draw_tissue

MAX_TRAITS = 4


@dataclass(frozen=True, eq=False, slots=True)
class PlantedTrait:
    """A trait as a region: positive where a smooth field exceeds a level.

    Attributes:
        field: The field.
        level: Chosen so that the positive share of this slide's tissue is the wanted one.
    """

    field: SmoothField
    level: float

    def on_grid(self, x_um: Floats, y_um: Floats) -> NDArray[np.bool_]:
        """Return where the trait is positive on the grid of all pairs, bool (n_y, n_x)."""
        return self.field.on_grid(x_um, y_um) > self.level

    def at(self, x_um: Floats, y_um: Floats) -> NDArray[np.bool_]:
        """Return where the trait is positive at points, bool of their shape."""
        return self.field.at(x_um, y_um) > self.level


@dataclass(frozen=True, eq=False, slots=True)
class Specimen:
    """Everything that determines the pixels of a slide.

    Attributes:
        seed: Seed of the cohort.
        slide_id: Names the slide's random streams.
        size_px0: Size in level-0 pixels.
        mpp: Micrometres per level-0 pixel.
        tissue: The layout.
        traits: What is planted; the position decides the change of morphology (see `cells`).
        stain: How it was stained and scanned.
        blur_um: Standard deviation of an out-of-focus blur, 0 for a sharp slide.
    """

    seed: int
    slide_id: str
    size_px0: SizePx0
    mpp: float
    tissue: Tissue
    traits: tuple[PlantedTrait, ...]
    stain: Stain
    blur_um: float = 0.0


def plan_specimen(
    seed: int,
    slide_id: str,
    *,
    size_px0: SizePx0,
    mpp: float,
    fractions: Sequence[float],
    correlations: Sequence[float] = (),
    correlation_um: float = 180.0,
    stain: Stain | None = None,
    blur_um: float = 0.0,
) -> Specimen:
    """Plan a slide: the same arguments always give the same one.

    Args:
        seed: Seed of the cohort.
        slide_id: Names the slide's random streams.
        size_px0: Size in level-0 pixels.
        mpp: Micrometres per level-0 pixel.
        fractions: For each trait, the share of the tissue that is positive, 0..1.
        correlations: For each trait after the first, the correlation of its field with the first one's; 0 where not given.
        correlation_um: Correlation length of the traits' fields.
        stain: Of the slide; without one, that of a site called "default".
        blur_um: Standard deviation of an out-of-focus blur.

    Raises:
        ConfigError: More traits than there are morphologies, or a share or correlation that is none.
    """
    if len(fractions) > MAX_TRAITS:
        raise ConfigError(f"{len(fractions)} traits asked for; only {MAX_TRAITS} changes of morphology exist: plant fewer")
    for fraction in fractions:
        if not 0.0 <= fraction <= 1.0:
            raise ConfigError(f"{slide_id}: the positive share of a trait must lie in 0..1, found {fraction}")
    size = size_px0.to_um(mpp)
    tissue = draw_tissue(stream(seed, "tissue", slide_id), size)
    padded = [*correlations, *([0.0] * len(fractions))]
    base = draw_field(stream(seed, "trait field", slide_id, 0), correlation_um)
    x, y = tissue.lattice()
    solid = tissue.solid(x, y)
    traits = []
    for i, fraction in enumerate(fractions):
        own = draw_field(stream(seed, "trait field", slide_id, i), correlation_um)
        field = base if i == 0 else blend(base, own, padded[i - 1])
        traits.append(PlantedTrait(field, _level(field.on_grid(x, y), solid, fraction)))
    return Specimen(seed, slide_id, size_px0, mpp, tissue, tuple(traits), stain or site_stain(seed, "default"), blur_um)


def _level(values: NDArray[np.float32], solid: NDArray[np.bool_], fraction: float) -> float:
    """The level above which a field covers `fraction` of the tissue."""
    if fraction <= 0.0:
        return float("inf")
    if fraction >= 1.0:
        return float("-inf")
    return float(np.quantile(values[solid] if solid.any() else values, 1.0 - fraction))


def slide_size_px0(size_um: SizeUm, mpp: float) -> SizePx0:
    """Return the size in level-0 pixels of a slide of `size_um` at `mpp`, rounded to whole pixels."""
    return SizePx0(round(size_um.width / mpp), round(size_um.height / mpp))
