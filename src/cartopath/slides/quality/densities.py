"""A thumbnail as optical densities against the glass of its own slide, at a scale where flaws can be seen and memory is small."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

WORK_PX = 2048
"""Longest side of the raster that flaws are looked for on: 16 um per pixel of a slide of 32 mm."""
_USUAL_GLASS = 245.0
_MIN_GLASS_SHARE = 0.005
_DARKEST_GLASS = 170


@dataclass(frozen=True, slots=True)
class View:
    """A thumbnail, made ready for the detectors.

    Attributes:
        rgb: uint8 (h, w, 3).
        red: float32 (h, w), optical density (base 10) of the red channel against glass; 0 is glass.
        green: Of the green channel.
        blue: Of the blue channel.
        tissue: bool (h, w).
        glass: Red, green and blue of the glass.
        mpp: Micrometres per pixel.
    """

    rgb: NDArray[np.uint8]
    red: NDArray[np.float32]
    green: NDArray[np.float32]
    blue: NDArray[np.float32]
    tissue: NDArray[np.bool_]
    glass: tuple[float, float, float]
    mpp: float

    def pixels(self, length_um: float) -> float:
        """Return a length in pixels of this view."""
        return length_um / self.mpp


def view_of(thumbnail: NDArray[np.uint8], mpp: float, tissue: NDArray[np.bool_]) -> View:
    """Return the view of a thumbnail, shrunk by a whole factor if it is larger than `WORK_PX`.

    Args:
        thumbnail: uint8 (h, w, 3) RGB.
        mpp: Micrometres per pixel of it.
        tissue: bool (h, w).
    """
    factor = -(-max(thumbnail.shape[:2]) // WORK_PX)
    rgb = np.asarray(Image.fromarray(thumbnail).reduce(factor)) if factor > 1 else thumbnail
    if factor > 1:
        tissue = tissue[factor // 2 :: factor, factor // 2 :: factor]
        tissue = np.pad(tissue, [(0, rgb.shape[n] - tissue.shape[n]) for n in (0, 1)], mode="edge")
    glass = glass_colour(rgb, tissue)
    red, green, blue = (_density(rgb[..., channel], glass[channel]) for channel in range(3))
    return View(rgb, red, green, blue, tissue, glass, mpp * factor)


def glass_colour(rgb: NDArray[np.uint8], tissue: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Return the median colour of what is bright and no tissue; a usual one if there is next to none."""
    darkest = np.minimum(np.minimum(rgb[..., 0], rgb[..., 1]), rgb[..., 2])
    is_glass = ~tissue & (darkest >= _DARKEST_GLASS)
    is_scanned = is_glass & (darkest < 255)
    chosen = is_scanned if is_scanned.mean() >= _MIN_GLASS_SHARE else is_glass
    if chosen.mean() < _MIN_GLASS_SHARE:
        return (_USUAL_GLASS, _USUAL_GLASS, _USUAL_GLASS)
    red, green, blue = (float(value) for value in np.median(rgb[chosen], axis=0))
    return red, green, blue


def _density(channel: NDArray[np.uint8], white: float) -> NDArray[np.float32]:
    table = np.log10(np.float32(white + 1) / (np.arange(256, dtype=np.float32) + 1))
    return np.asarray(np.clip(table, 0, None).astype(np.float32)[channel])
