"""What a program filled in: regions of exactly one colourless value, black, white or light grey."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cartopath.slides.quality.densities import View
from cartopath.slides.quality.shapes import large_parts, wide_parts

_WIDTH_UM = 128.0
_MIN_PX = 9
_BLACK, _LIGHT, _MAX_CHROMA = 8, 230, 2


def find_padding(view: View) -> NDArray[np.bool_]:
    """Return where a thumbnail does not change at all from pixel to pixel, bool (h, w)."""
    low, high = view.rgb.min(axis=-1), view.rgb.max(axis=-1)
    is_fill = (high - low <= _MAX_CHROMA) & ((low >= _LIGHT) | (high <= _BLACK))
    for channel in range(3):
        values = view.rgb[..., channel]
        is_fill &= ndimage.maximum_filter(values, 3) == ndimage.minimum_filter(values, 3)
    width = max(float(_MIN_PX), view.pixels(_WIDTH_UM))
    return large_parts(wide_parts(is_fill, width), width**2)
