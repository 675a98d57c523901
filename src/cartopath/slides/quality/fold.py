"""Tissue folds: bands where the section lies double, so that both stains are much stronger than in the slide's own tissue.

Dense nuclei have much haematoxylin and little eosin, blood has much eosin and no haematoxylin; a fold has more of both.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cartopath.slides.quality.densities import View
from cartopath.slides.quality.shapes import large_parts, wide_parts

_TIMES_USUAL = 1.7
_MIN_GREEN = 0.45
_WIDTH_UM, _AREA_MM2 = 16.0, 0.015


def find_fold(view: View) -> NDArray[np.bool_]:
    """Return where a thumbnail shows folded tissue, bool (h, w)."""
    if not view.tissue.any():
        return np.zeros_like(view.tissue)
    is_fold = view.tissue & (view.green > _MIN_GREEN)
    for density in (view.red, view.green, view.blue):
        is_fold &= density > _TIMES_USUAL * float(np.median(density[view.tissue]))
    return large_parts(wide_parts(is_fold, view.pixels(_WIDTH_UM)), view.pixels(1000.0) ** 2 * _AREA_MM2)
