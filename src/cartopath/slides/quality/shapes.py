"""Shapes of regions in physical units: what is thin, small, long or straight."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_EIGHT = np.ones((3, 3), bool)


def wide_parts(mask: NDArray[np.bool_], width_px: float) -> NDArray[np.bool_]:
    """Return the parts of a mask that are at least about `width_px` wide; all of it below two pixels."""
    radius = int(width_px / 2)
    if radius < 1 or not mask.any():
        return mask
    side = 2 * radius + 1
    eroded = ndimage.minimum_filter(mask.view(np.uint8), side)
    return np.asarray(ndimage.maximum_filter(eroded, side) > 0) & mask


def grown(mask: NDArray[np.bool_], radius_px: float) -> NDArray[np.bool_]:
    """Return a mask with a margin of `radius_px` around it."""
    return np.asarray(ndimage.maximum_filter(mask.view(np.uint8), 2 * max(0, round(radius_px)) + 1) > 0)


def large_parts(mask: NDArray[np.bool_], area_px: float) -> NDArray[np.bool_]:
    """Return the connected parts of a mask with at least `area_px` pixels."""
    if not mask.any():
        return mask
    labels, _ = ndimage.label(mask, _EIGHT)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray((sizes >= area_px)[labels] & mask)


def touching(mask: NDArray[np.bool_], seeds: NDArray[np.bool_], *, least_px: float = 1) -> NDArray[np.bool_]:
    """Return the connected parts of a mask that hold at least `least_px` pixels of `seeds`."""
    labels, n_parts = ndimage.label(mask, _EIGHT)
    counts = np.bincount(labels[seeds & mask], minlength=n_parts + 1)
    counts[0] = 0
    return np.asarray((counts >= max(1, least_px))[labels] & mask)
