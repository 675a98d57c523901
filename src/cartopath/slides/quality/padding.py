"""What a program filled in: regions of exactly one colourless value, black, white or light grey.

Smooth glass may be as even as that on a thumbnail; a fill of the very colour of the glass is taken for glass.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cartopath.slides.quality.densities import View
from cartopath.slides.quality.shapes import large_parts, wide_parts

_WIDTH_UM, _MIN_PX = 128.0, 9
_BLACK, _LIGHT, _MAX_CHROMA, _LIKE_GLASS = 8, 230, 2, 3


def find_padding(view: View) -> NDArray[np.bool_]:
    """Return where a thumbnail does not change at all from pixel to pixel, bool (h, w)."""
    red, green, blue = (view.rgb[..., channel] for channel in range(3))
    low, high = np.minimum(np.minimum(red, green), blue), np.maximum(np.maximum(red, green), blue)
    is_glass = np.abs(low.astype(np.int16) - round(float(np.mean(view.glass)))) <= _LIKE_GLASS
    is_fill = (high - low <= _MAX_CHROMA) & ((low >= _LIGHT) | (high <= _BLACK)) & ~is_glass
    if not is_fill.any():
        return is_fill
    for plane in (red, green, blue):
        is_fill[:, 1:] &= plane[:, 1:] == plane[:, :-1]
        is_fill[1:] &= plane[1:] == plane[:-1]
    width = max(float(_MIN_PX), view.pixels(_WIDTH_UM))
    return large_parts(wide_parts(is_fill, width), width**2)
