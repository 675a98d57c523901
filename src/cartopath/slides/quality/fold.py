"""Tissue folds: bands where the section lies double, so that both stains are much stronger than in the slide's own tissue.

Dense nuclei have much haematoxylin and little eosin, blood has much eosin and no haematoxylin; a fold has more of both.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cartopath.slides.quality.densities import View
from cartopath.slides.quality.shapes import large_parts, wide_parts

_TIMES_USUAL = 1.8
_MIN_GREEN = 0.45
_SMOOTH_UM, _WIDTH_UM, _AREA_MM2 = 24.0, 16.0, 0.015


def find_fold(view: View) -> NDArray[np.bool_]:
    """Return where a thumbnail shows folded tissue, bool (h, w)."""
    if not view.tissue.any():
        return np.zeros_like(view.tissue)
    side = 2 * round(view.pixels(_SMOOTH_UM) / 2) + 1
    is_fold = view.tissue & (ndimage.uniform_filter(view.green, side) > _MIN_GREEN)
    for density in (view.red, view.green, view.blue):
        usual = float(np.median(density[view.tissue]))
        is_fold &= ndimage.uniform_filter(density, side) > _TIMES_USUAL * usual
    return large_parts(wide_parts(is_fold, view.pixels(_WIDTH_UM)), view.pixels(1000.0) ** 2 * _AREA_MM2)
