"""A slide in a few numbers that can be compared over a cohort."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.slides.quality.classes import FROM_TILES, QUALITY_CLASSES
from cartopath.slides.quality.covered import tissue_under_pen
from cartopath.slides.quality.densities import glass_colour
from cartopath.slides.quality.limits import QualityLimits
from cartopath.slides.quality.tile_pixels import TileMeasures

MEASURES: dict[str, str] = {
    "tissue_mm2": "area of the tissue in square millimetres, under pen too, without pen on glass",
    "tissue_share": "share of the slide that is tissue",
    "n_tiles": "tiles with enough tissue",
    "pen_share": "share of the tissue under pen",
    "fold_share": "share of the tissue that is folded",
    "dark_share": "share of the tissue under dust, carbon or rims of bubbles",
    "blur_share": "share of the sampled tiles that are out of focus",
    "stain_share": "share of the sampled tiles whose stain is out of range",
    "saturated_share": "share of the sampled tiles that are clipped",
    "coverslip_share": "share of the tissue at an edge of the coverslip",
    "padding_share": "share of the tissue that a program filled in",
    "unreadable_share": "share of the slide that cannot be decoded, or of the sampled tiles if that is more",
    "sharpness": "median over the sampled tiles of the logarithm of fine over coarse contrast; higher is sharper",
    "haematoxylin": "median over the sampled tiles, in optical density",
    "eosin": "median over the sampled tiles, in optical density",
    "glass_brightness": "mean value of the glass's red, green and blue, 0 to 255",
    "pen_mm2": "area of all pen, on glass too, in square millimetres",
}
"""Names and meanings of what is measured per slide."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """Tiles that were decoded.

    Attributes:
        rows: int (n,), their rows in the table of tiles.
        measures: One for each; None where it could not be decoded.
    """

    rows: NDArray[np.intp]
    measures: tuple[TileMeasures | None, ...]

    def values(self, name: str) -> NDArray[np.float64]:
        """Return one measure of all, NaN where there is none, float64 (n,)."""
        return np.array([np.nan if one is None else getattr(one, name) for one in self.measures], np.float64)

    @property
    def unreadable_share(self) -> float:
        """Share of them that could not be decoded; 0 of none."""
        return sum(one is None for one in self.measures) / max(1, len(self.measures))


def summarise(
    classes: NDArray[np.uint8],
    thumbnail: NDArray[np.uint8],
    tissue: NDArray[np.bool_],
    tiles: pd.DataFrame,
    sampled: Sampled,
    mpp: float,
) -> dict[str, float]:
    """Return `MEASURES` of a slide, in their order.

    Args:
        classes: uint8 (h, w), the quality map.
        thumbnail: uint8 (h, w, 3).
        tissue: bool (h, w).
        tiles: As in `SlideQuality`.
        sampled: The decoded tiles.
        mpp: Micrometres per pixel of the map.
    """
    pixel_mm2 = (mpp / 1000) ** 2
    covered = tissue_under_pen(tissue, classes == QUALITY_CLASSES["pen"].number, mpp)
    n_tissue = int(covered.sum())
    limits = QualityLimits().tile_share
    measures = {name: float("nan") for name in MEASURES}
    measures |= {"tissue_mm2": n_tissue * pixel_mm2, "tissue_share": n_tissue / tissue.size, "n_tiles": float(len(tiles))}
    for name in ("pen", "fold", "dark", "coverslip", "padding"):
        is_flawed = classes == QUALITY_CLASSES[name].number
        measures[f"{name}_share"] = float((is_flawed & covered).sum() / n_tissue) if n_tissue else float("nan")
    for name in FROM_TILES:
        values = sampled.values(name)
        values = values[~np.isnan(values)]
        measures[f"{name}_share"] = float((values >= limits[name]).mean()) if len(values) else float("nan")
    for name in ("sharpness", "haematoxylin", "eosin"):
        values = sampled.values(name)
        measures[name] = float(np.nanmedian(values)) if (~np.isnan(values)).any() else float("nan")
    lost = float((classes == QUALITY_CLASSES["unreadable"].number).mean())
    measures["unreadable_share"] = max(lost, sampled.unreadable_share)
    measures["glass_brightness"] = float(np.mean(glass_colour(thumbnail, tissue)))
    measures["pen_mm2"] = float((classes == QUALITY_CLASSES["pen"].number).sum()) * pixel_mm2
    return measures
