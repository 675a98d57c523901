"""Dark matter that is no stain: dust, carbon, rims of air bubbles. It absorbs all colours alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cartopath.slides.quality.densities import View
from cartopath.slides.quality.shapes import large_parts

_MIN_DENSITY, _EVENNESS = 0.40, 0.75
_AREA_UM2 = 300.0


def find_dark(view: View) -> NDArray[np.bool_]:
    """Return where a thumbnail shows dark matter without colour, bool (h, w)."""
    least = np.minimum(np.minimum(view.red, view.green), view.blue)
    most = np.maximum(np.maximum(view.red, view.green), view.blue)
    return large_parts((least > _MIN_DENSITY) & (least > _EVENNESS * most), max(2.0, view.pixels(1.0) ** 2 * _AREA_UM2))
