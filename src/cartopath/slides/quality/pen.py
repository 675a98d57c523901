"""Pen marks, by colours that haematoxylin, eosin and blood do not have.

In optical densities, haematoxylin absorbs green at least about as strongly as red, and eosin and blood absorb green most. Green
and blue pens absorb red most; a red pen absorbs blue as strongly as green and hardly any red; a black pen absorbs everything.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cartopath.slides.quality.densities import View
from cartopath.slides.quality.shapes import large_parts, touching, wide_parts

_MIN_DENSITY = 0.10
_STRONG_DENSITY = 0.30
_RED_OVER_GREEN = 1.20
_RED_OVER_GREEN_SEED = 1.35
_BLUE_OVER_GREEN = 0.85
_RED_PEN_GREEN, _RED_PEN_RED = 0.50, 0.35
_BLACK_DENSITY, _BLACK_EVENNESS = 0.65, 0.75
_WIDTH_UM, _AREA_MM2, _BLACK_WIDTH_UM, _BLACK_AREA_MM2 = 40.0, 0.01, 120.0, 0.05


def find_pen(view: View) -> NDArray[np.bool_]:
    """Return where a thumbnail shows pen of any colour, bool (h, w)."""
    colours = (_cold(view), _red(view), _black(view))
    return np.asarray(np.logical_or.reduce(colours))


def _cold(view: View) -> NDArray[np.bool_]:
    """Return green, teal and blue pen."""
    weak = (view.red > _MIN_DENSITY) & (view.red > _RED_OVER_GREEN * view.green)
    strong = weak & (view.red > _STRONG_DENSITY) & (view.red > _RED_OVER_GREEN_SEED * view.green)
    return _strokes(view, weak, strong)


def _red(view: View) -> NDArray[np.bool_]:
    is_red = (view.red < _RED_PEN_RED * view.green) & (view.blue > _BLUE_OVER_GREEN * view.green)
    return _strokes(view, is_red & (view.green > _MIN_DENSITY), is_red & (view.green > _RED_PEN_GREEN))


def _black(view: View) -> NDArray[np.bool_]:
    least = np.minimum(np.minimum(view.red, view.green), view.blue)
    most = np.maximum(np.maximum(view.red, view.green), view.blue)
    black = wide_parts((least > _BLACK_DENSITY) & (least > _BLACK_EVENNESS * most), view.pixels(_BLACK_WIDTH_UM))
    return large_parts(black, view.pixels(1000.0) ** 2 * _BLACK_AREA_MM2)


def _strokes(view: View, weak: NDArray[np.bool_], strong: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the weak parts around strong ones that are as wide and as large as a stroke."""
    least_px = view.pixels(1000.0) ** 2 * _AREA_MM2
    strokes = wide_parts(weak, view.pixels(_WIDTH_UM))
    return large_parts(touching(strokes, strong, least_px=0.2 * least_px), least_px)
