"""Edges of the coverslip: long, straight, thin, grey lines, and large grey areas without tissue."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cartopath.slides.quality.densities import View
from cartopath.slides.quality.shapes import large_parts, wide_parts

_MIN_DENSITY, _MAX_DENSITY, _EVENNESS, _OFFSET = 0.02, 0.60, 0.6, 0.02
_LENGTH_UM, _MAX_THICKNESS_UM, _STRAIGHTNESS = 3000.0, 200.0, 0.03
_MIN_LINE_PX = 20
_GREY_AREA_MM2, _GREY_WIDTH_UM, _GREY_DENSITY = 1.0, 400.0, 0.06


def find_coverslip(view: View) -> NDArray[np.bool_]:
    """Return where a thumbnail shows an edge of the coverslip or grey beyond it, bool (h, w)."""
    least = np.minimum(np.minimum(view.red, view.green), view.blue)
    most = np.maximum(np.maximum(view.red, view.green), view.blue)
    is_grey = (least > _MIN_DENSITY) & (most < _MAX_DENSITY) & (least + _OFFSET > _EVENNESS * most)
    areas = wide_parts(is_grey & (least > _GREY_DENSITY), view.pixels(_GREY_WIDTH_UM))
    return _lines(is_grey, view) | large_parts(areas, view.pixels(1000.0) ** 2 * _GREY_AREA_MM2)


def _lines(mask: NDArray[np.bool_], view: View) -> NDArray[np.bool_]:
    """Return the connected parts that are long, thin and straight."""
    labels, _ = ndimage.label(mask, np.ones((3, 3), bool))
    lines = np.zeros_like(mask)
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        if max(part.stop - part.start for part in box) < max(_MIN_LINE_PX, 0.7 * view.pixels(_LENGTH_UM)):
            continue
        part = labels[box] == number
        if _is_line(part, view):
            lines[box] |= part
    return lines


def _is_line(part: NDArray[np.bool_], view: View) -> bool:
    points = np.argwhere(part).astype(np.float64)
    spread = np.sqrt(np.maximum(np.linalg.eigvalsh(np.cov(points.T)), 0.0)) * np.sqrt(12.0)
    length, width = float(spread[1]), float(spread[0])
    thickness = len(points) / max(1.0, length)
    is_thin = thickness <= max(3.0, view.pixels(_MAX_THICKNESS_UM))
    return length >= view.pixels(_LENGTH_UM) and is_thin and width <= max(4.0, thickness + _STRAIGHTNESS * length)
