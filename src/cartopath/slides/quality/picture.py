"""A picture of a slide with its flaws marked, for a person who looks at many."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from cartopath.slides.quality.assess import SlideQuality
from cartopath.slides.quality.classes import QUALITY_CLASSES

_UNMARKED = ("glass", "tissue")
_OPACITY = 0.35
_OUTLINE_SHARE = 1 / 500


def quality_picture(quality: SlideQuality, *, max_px: int) -> NDArray[np.uint8]:
    """Return the thumbnail with flawed regions tinted and outlined in the colours of `QUALITY_CLASSES`.

    Args:
        quality: The slide.
        max_px: Longest side of the picture in pixels.

    Returns:
        uint8 (h, w, 3) RGB. Padding is tinted only where it lies on tissue.
    """
    height, width = quality.map.shape
    scale = min(1.0, max_px / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    picture = np.asarray(Image.fromarray(quality.thumbnail).resize(size, Image.Resampling.BOX), np.float32).copy()
    line = max(1, round(max(size) * _OUTLINE_SHARE))
    for name, one in QUALITY_CLASSES.items():
        mask = quality.map == one.number
        if name in _UNMARKED or not mask.any():
            continue
        if name == "padding":
            mask &= quality.tissue
        small = np.asarray(Image.fromarray(mask.view(np.uint8) * np.uint8(255)).resize(size, Image.Resampling.BOX)) > 63
        outline = small & (ndimage.minimum_filter(small.view(np.uint8), 2 * line + 1) == 0)
        picture[small] += _OPACITY * (np.array(one.colour, np.float32) - picture[small])
        picture[outline] = one.colour
    return np.asarray(np.clip(picture + 0.5, 0, 255).astype(np.uint8))
