"""What the pixels of one decoded tile say: focus, stain, clipping."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartopath.slides.quality.focus import block_sharpness
from cartopath.slides.stain import stain_statistics

_GLASS = 225
_MIN_TISSUE = 0.02
_BLURRED = -0.7
"""Sharpness of blocks blurred by 3 um and more on real slides; those in focus lie above -0.6, nearly all above 0."""
_CLIPPED_LOW, _CLIPPED_HIGH = 1, 254
_PALE, _STRONG, _COLOURED = 0.05, 1.10, 0.20
_BLUE_OVER_GREEN, _RED_OVER_GREEN = 1.10, 1.35
_DENSITY = np.log10(np.float32(246.0) / (np.arange(256, dtype=np.float32) + 1)).clip(0).astype(np.float32)


@dataclass(frozen=True, slots=True)
class TileMeasures:
    """Measures of one tile; NaN where it has too little tissue to tell.

    Attributes:
        tissue: Share of its pixels that are darker than glass.
        sharpness: Median over its blocks of the logarithm of fine over coarse contrast; see `focus`.
        blur: Share of its blocks that are out of focus.
        stain: Share of its tissue whose stain is out of range: too pale, too strong or of another hue.
        saturated: Share of its tissue where a channel is clipped.
        haematoxylin: Mean amount, in optical density.
        eosin: Mean amount.
    """

    tissue: float
    sharpness: float
    blur: float
    stain: float
    saturated: float
    haematoxylin: float
    eosin: float


def tile_measures(tile: NDArray[np.uint8], mpp: float) -> TileMeasures:
    """Return what the pixels of a tile say.

    Args:
        tile: uint8 (h, w, 3) RGB.
        mpp: Micrometres per pixel of the tile.
    """
    tissue = tile.min(axis=-1) <= _GLASS
    share = float(tissue.mean())
    if share < _MIN_TISSUE:
        return TileMeasures(share, *[math.nan] * 6)
    density = _DENSITY[tile]  # (h, w, 3)
    sharpness = block_sharpness(density.mean(axis=-1), tissue, mpp)
    stain = stain_statistics(tile[None])
    return TileMeasures(
        tissue=share,
        sharpness=float(np.median(sharpness)) if len(sharpness) else math.nan,
        blur=float((sharpness < _BLURRED).mean()) if len(sharpness) else math.nan,
        stain=_out_of_range(density[tissue]),
        saturated=_clipped(tile[tissue]),
        haematoxylin=stain.haematoxylin,
        eosin=stain.eosin,
    )


def _out_of_range(density: NDArray[np.float32]) -> float:
    """Return the share of tissue pixels, (n, 3), whose stain is out of range."""
    mean = float(density.mean())
    if not _PALE <= mean <= _STRONG:
        return 1.0
    red, green, blue = density.T
    is_coloured = np.maximum(red, blue) > _COLOURED
    is_other = is_coloured & ((blue > _BLUE_OVER_GREEN * green) | (red > _RED_OVER_GREEN * green))
    return float(is_other.mean())


def _clipped(pixels: NDArray[np.uint8]) -> float:
    """Return the share of tissue pixels, (n, 3), that are clipped."""
    return float(((pixels.max(axis=1) >= _CLIPPED_HIGH) | (pixels.min(axis=1) <= _CLIPPED_LOW)).mean())
