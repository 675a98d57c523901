"""The quality map of a thumbnail: one class for every pixel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cartopath.slides.quality.classes import QUALITY_CLASSES
from cartopath.slides.quality.coverslip import find_coverslip
from cartopath.slides.quality.dark import find_dark
from cartopath.slides.quality.densities import view_of
from cartopath.slides.quality.fold import find_fold
from cartopath.slides.quality.padding import find_padding
from cartopath.slides.quality.pen import find_pen, with_dark_parts
from cartopath.slides.quality.shapes import grown

_BORDER_PX = 3
"""A black fill has a border where it fades, which is neither pen nor dust."""


def classify_thumbnail(thumbnail: NDArray[np.uint8], mpp: float, tissue: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return what each pixel of a thumbnail shows, as far as a thumbnail tells.

    Args:
        thumbnail: uint8 (h, w, 3) RGB.
        mpp: Micrometres per pixel of the thumbnail; lengths of strokes, folds and lines are physical.
        tissue: bool (h, w), from `tissue_mask`.

    Returns:
        uint8 (h, w): the `number` of one of `QUALITY_CLASSES`. Blur, stain and saturation need tiles and do not occur.
    """
    view = view_of(thumbnail, mpp, tissue)
    padding = find_padding(view)
    is_free = ~grown(padding, _BORDER_PX)
    pen, fold, dark = (find(view) & is_free for find in (find_pen, find_fold, find_dark))
    pen = with_dark_parts(pen, fold | dark)
    found = np.zeros(view.tissue.shape, np.uint8)
    weak_to_strong = {"coverslip": find_coverslip(view), "fold": fold, "dark": dark, "pen": pen, "padding": padding}
    for name, mask in weak_to_strong.items():
        found[mask] = QUALITY_CLASSES[name].number
    classes = np.where(tissue, np.uint8(QUALITY_CLASSES["tissue"].number), np.uint8(QUALITY_CLASSES["glass"].number))
    full = _stretched(found, thumbnail.shape[:2])
    return np.asarray(np.where(full > 0, full, classes))


def _stretched(classes: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    factor = -(-shape[0] // classes.shape[0])
    if factor == 1:
        return classes
    return classes.repeat(factor, axis=0).repeat(factor, axis=1)[: shape[0], : shape[1]]
