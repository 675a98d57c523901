"""Pen marks, by colours that haematoxylin, eosin and blood do not have.

In optical densities eosin, blood and most haematoxylin absorb green most. Green and turquoise pens absorb red most and blue about
as strongly as green; a blue pen absorbs much more red than green and hardly any blue; a red pen absorbs blue about as strongly as
green and next to no red; a black pen absorbs everything alike. Blueish haematoxylin may absorb more red than green, but then
little blue. Over tissue the densities add up, so a pen's colour is also looked for in what exceeds the slide's usual tissue.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cartopath.slides.quality.densities import View
from cartopath.slides.quality.shapes import grown, large_parts, touching, wide_parts

_SMOOTH_UM = 40.0
_FAINT, _STRONG = 0.05, 0.15
_GREEN_RED, _GREEN_RED_STRONG, _GREEN_BLUE, _GREEN_NOT_GREY = 1.15, 1.35, 0.72, 0.93
_BLUE_RED, _BLUE_RED_STRONG, _BLUE_BLUE, _BLUE_OVER = 1.4, 1.6, 0.45, 0.30
_RED_RED, _RED_BLUE, _RED_BLUE_STRONG, _RED_FAINT, _RED_STRONG = 0.25, 0.74, 0.82, 0.12, 0.50
_RED_DENSE = 0.90
_PINK_RED, _PINK_RED_STRONG, _PINK_BLUE, _PINK_FAINT, _PINK_STRONG = 0.16, 0.12, 0.66, 0.15, 0.50
_BLACK_LEAST, _BLACK_EVENNESS_OVER, _BLACK_EVENNESS, _BLACK_TOTAL = 0.25, 0.65, 0.70, 0.40
_WIDTH_UM, _AREA_MM2 = 40.0, 0.01
_PEN_OF_PART = 0.25
_PINK_WIDTH_UM, _BLACK_WIDTH_UM, _BLACK_AREA_MM2 = 150.0, 120.0, 0.05


@dataclass(frozen=True, slots=True)
class _Ink:
    """Densities of red, green and blue, float32 (h, w) each."""

    red: NDArray[np.float32]
    green: NDArray[np.float32]
    blue: NDArray[np.float32]

    def above(self, tissue: NDArray[np.bool_]) -> _Ink:
        """Return what each pixel absorbs beyond the usual tissue."""
        if not tissue.any():
            return self
        planes = (self.red, self.green, self.blue)
        return _Ink(*(np.maximum(plane - np.median(plane[tissue]), np.float32(0)) for plane in planes))


_Parts = tuple[NDArray[np.bool_], NDArray[np.bool_]]
"""Faint parts of strokes, and those strong enough to be sure of."""


def find_pen(view: View) -> NDArray[np.bool_]:
    """Return where a thumbnail shows pen of any colour, bool (h, w)."""
    side = 2 * int(view.pixels(_SMOOTH_UM) / 2) + 1
    seen = _Ink(*(ndimage.uniform_filter(plane, side) for plane in (view.red, view.green, view.blue)))
    over = seen.above(view.tissue)
    narrow = (_green(seen, over), _blue(seen, over), _red(seen, over))
    found = _strokes(view, _pink(seen), width_um=_PINK_WIDTH_UM) | _black(view, seen, over)
    for parts in narrow:
        found |= _strokes(view, parts, width_um=_WIDTH_UM)
    return np.asarray(found)


def _green(seen: _Ink, over: _Ink) -> _Parts:
    is_cold = (seen.red > 0.95 * seen.green) & (seen.blue < _GREEN_NOT_GREY * seen.red)
    weak, strong = np.zeros_like(is_cold), np.zeros_like(is_cold)
    for ink in (seen, over):
        found = is_cold & (ink.red > _FAINT) & (ink.red > _GREEN_RED * ink.green) & (ink.blue > _GREEN_BLUE * ink.green)
        weak |= found
        strong |= found & (ink.red > _STRONG) & (ink.red > _GREEN_RED_STRONG * ink.green)
    return weak, strong


def _blue(seen: _Ink, over: _Ink) -> _Parts:
    """Return blue pen; over tissue only where it is stronger than blueish haematoxylin gets."""
    weak = (seen.red > _FAINT) & (seen.red > _BLUE_RED * seen.green) & (seen.blue < _BLUE_BLUE * seen.green)
    strong = weak & (seen.red > _STRONG) & (seen.red > _BLUE_RED_STRONG * seen.green)
    on_tissue = (over.red > _BLUE_OVER) & (over.red > _BLUE_RED * over.green) & (over.blue < 0.4 * over.red)
    on_tissue &= (seen.red > seen.green) & (seen.blue < 0.5 * seen.green)
    return weak | on_tissue, strong | (on_tissue & (over.red > 1.5 * _BLUE_OVER) & (over.red > _BLUE_RED_STRONG * over.green))


def _red(seen: _Ink, over: _Ink) -> _Parts:
    """Return red pen, by its darkest spots: pale strokes have the colour of eosin, and blood is less dense."""
    weak = (seen.red < _RED_RED * seen.green) & (seen.blue > _RED_BLUE * seen.green) & (seen.green > _RED_FAINT)
    strong = weak & (seen.blue > _RED_BLUE_STRONG * seen.green) & (seen.green > _RED_STRONG)
    on_tissue = (over.red < _RED_RED * over.green) & (over.blue > _RED_BLUE * over.green) & (over.green > _RED_FAINT)
    on_tissue &= (seen.red < 0.5 * seen.green) & (seen.green > _RED_STRONG)
    weak |= (seen.green > _RED_DENSE) & (seen.red < 0.45 * seen.green) & (seen.blue > _RED_BLUE * seen.green)
    return weak | on_tissue, strong | (on_tissue & (over.green > _RED_STRONG) & (over.blue > _RED_BLUE_STRONG * over.green))


def _pink(seen: _Ink) -> _Parts:
    """Return pinkish red pen, to be believed only where it is broad, because strong eosin comes near it."""
    weak = (seen.red < _PINK_RED * seen.green) & (seen.blue > _PINK_BLUE * seen.green) & (seen.green > _PINK_FAINT)
    return weak, weak & (seen.red < _PINK_RED_STRONG * seen.green) & (seen.green > _PINK_STRONG)


def _black(view: View, seen: _Ink, over: _Ink) -> NDArray[np.bool_]:
    """Return black pen: dark, and even in itself or in what exceeds the tissue."""
    least, evenness = _evenness(seen)
    least_over, evenness_over = _evenness(over)
    is_even = (evenness > _BLACK_EVENNESS) | ((least_over > _BLACK_LEAST) & (evenness_over > _BLACK_EVENNESS_OVER))
    black = wide_parts((least > _BLACK_TOTAL) & is_even, view.pixels(_BLACK_WIDTH_UM))
    return large_parts(black, view.pixels(1000.0) ** 2 * _BLACK_AREA_MM2)


def _evenness(ink: _Ink) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the least density of the three, and its ratio to the greatest."""
    least = np.minimum(np.minimum(ink.red, ink.green), ink.blue)
    most = np.maximum(np.maximum(ink.red, ink.green), ink.blue)
    return least, np.asarray(least / np.maximum(most, np.float32(1e-3)), np.float32)


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


def _strokes(view: View, parts: _Parts, *, width_um: float) -> NDArray[np.bool_]:
    """Return the faint parts around strong ones that are as wide and as large as a stroke."""
    weak, strong = parts
    if not strong.any():
        return np.zeros_like(strong)
    least_px = view.pixels(1000.0) ** 2 * _AREA_MM2
    strokes = touching(wide_parts(weak, view.pixels(width_um)), strong, least_px=0.2 * least_px)
    strokes = large_parts(strokes, least_px)
    return weak & grown(strokes, view.pixels(width_um)) if strokes.any() else strokes
