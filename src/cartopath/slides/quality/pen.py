"""Pen marks, by colours that haematoxylin, eosin and blood do not have.

In optical densities eosin, blood and most haematoxylin absorb green most. Green and turquoise pens absorb red most and blue about
as strongly as green; a blue pen absorbs much more red than green and hardly any blue; a red pen absorbs blue about as strongly as
green and next to no red; a black pen absorbs everything alike. Blueish haematoxylin may absorb more red than green, but then
little blue. Over tissue the densities add up, so a pen's colour is also looked for in what exceeds the slide's usual tissue.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cartopath.slides.quality.densities import View
from cartopath.slides.quality.shapes import large_parts, touching, wide_parts

_FAINT, _STRONG = 0.05, 0.15
_GREEN_RED, _GREEN_RED_STRONG, _GREEN_BLUE = 1.15, 1.35, 0.72
_BLUE_RED, _BLUE_RED_STRONG, _BLUE_BLUE = 1.4, 1.6, 0.45
_RED_RED, _RED_BLUE, _RED_BLUE_STRONG, _RED_FAINT, _RED_STRONG = 0.25, 0.74, 0.82, 0.12, 0.50
_PINK_RED, _PINK_RED_STRONG, _PINK_BLUE, _PINK_FAINT, _PINK_STRONG = 0.16, 0.12, 0.66, 0.15, 0.50
_BLACK_LEAST, _BLACK_EVENNESS, _BLACK_TOTAL = 0.25, 0.65, 0.40
_WIDTH_UM, _AREA_MM2 = 40.0, 0.01
_PEN_OF_PART = 0.25
_PINK_WIDTH_UM, _BLACK_WIDTH_UM, _BLACK_AREA_MM2 = 150.0, 120.0, 0.05

Densities = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]


def find_pen(view: View) -> NDArray[np.bool_]:
    """Return where a thumbnail shows pen of any colour, bool (h, w)."""
    excess = _excess(view)
    return np.asarray(_green(view, excess) | _blue(view) | _red(view) | _black(view, excess))


def _excess(view: View) -> Densities:
    """Return what each pixel absorbs beyond the slide's usual tissue."""
    if not view.tissue.any():
        return view.red, view.green, view.blue
    planes = (view.red, view.green, view.blue)
    red, green, blue = (np.maximum(plane - np.median(plane[view.tissue]), np.float32(0)) for plane in planes)
    return red, green, blue


def _green(view: View, excess: Densities) -> NDArray[np.bool_]:
    weak, strong = _is_green((view.red, view.green, view.blue))
    more_weak, more_strong = _is_green(excess)
    more_weak &= view.red > 0.9 * view.green
    return _strokes(view, weak | more_weak, strong | (more_strong & more_weak), width_um=_WIDTH_UM)


def _is_green(densities: Densities) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    red, green, blue = densities
    weak = (red > _FAINT) & (red > _GREEN_RED * green) & (blue > _GREEN_BLUE * green)
    return weak, weak & (red > _STRONG) & (red > _GREEN_RED_STRONG * green)


def _blue(view: View) -> NDArray[np.bool_]:
    weak = (view.red > _FAINT) & (view.red > _BLUE_RED * view.green) & (view.blue < _BLUE_BLUE * view.green)
    strong = weak & (view.red > _STRONG) & (view.red > _BLUE_RED_STRONG * view.green)
    return _strokes(view, weak, strong, width_um=_WIDTH_UM)


def _red(view: View) -> NDArray[np.bool_]:
    """Return red pen: by its darkest spots, because pale strokes have the colour of eosin; a pinkish one only if it is broad."""
    weak = (view.red < _RED_RED * view.green) & (view.blue > _RED_BLUE * view.green) & (view.green > _RED_FAINT)
    strong = weak & (view.blue > _RED_BLUE_STRONG * view.green) & (view.green > _RED_STRONG)
    pink = (view.red < _PINK_RED * view.green) & (view.blue > _PINK_BLUE * view.green) & (view.green > _PINK_FAINT)
    pinker = pink & (view.red < _PINK_RED_STRONG * view.green) & (view.green > _PINK_STRONG)
    return _strokes(view, weak, strong, width_um=_WIDTH_UM) | _strokes(view, pink, pinker, width_um=_PINK_WIDTH_UM)


def _black(view: View, excess: Densities) -> NDArray[np.bool_]:
    least = np.minimum(np.minimum(excess[0], excess[1]), excess[2])
    most = np.maximum(np.maximum(excess[0], excess[1]), excess[2])
    is_dark = np.minimum(np.minimum(view.red, view.green), view.blue) > _BLACK_TOTAL
    black = wide_parts(is_dark & (least > _BLACK_LEAST) & (least > _BLACK_EVENNESS * most), view.pixels(_BLACK_WIDTH_UM))
    return large_parts(black, view.pixels(1000.0) ** 2 * _BLACK_AREA_MM2)


def with_dark_parts(pen: NDArray[np.bool_], dark: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return pen with the dark parts that belong to it: overlapping strokes look like folds and dust.

    Args:
        pen: bool (h, w).
        dark: bool (h, w), folds and dark matter.
    """
    labels, n_parts = ndimage.label(pen | dark, np.ones((3, 3), bool))
    sizes, own = np.bincount(labels.ravel(), minlength=n_parts + 1), np.bincount(labels[pen], minlength=n_parts + 1)
    is_pen = own >= _PEN_OF_PART * np.maximum(1, sizes)
    is_pen[0] = False
    return np.asarray(is_pen[labels] | pen)


def _strokes(view: View, weak: NDArray[np.bool_], strong: NDArray[np.bool_], *, width_um: float) -> NDArray[np.bool_]:
    """Return the weak parts around strong ones that are as wide and as large as a stroke."""
    least_px = view.pixels(1000.0) ** 2 * _AREA_MM2
    strokes = wide_parts(weak, view.pixels(width_um))
    return large_parts(touching(strokes, strong, least_px=0.2 * least_px), least_px)
