"""From which pixels of a slide a window is made: a level, decoded whole or smaller, and the one resample that follows.

*Fast* scaling reads JPEG frames at half, a quarter or an eighth of their size, which the decoder does on their frequencies for
less than the price of decoding them whole, and resamples windows of whole pixels by OpenCV. *Lanczos* decodes everything and
resamples exact fractions of pixels once, as Levy-Jurgenson et al. 2020 did. docs/decoding.md measures the difference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Scaling: TypeAlias = Literal["fast", "lanczos"]

_TOLERANCE: dict[Scaling, float] = {"fast": 0.05, "lanczos": 0.01}
"""Pixels may be this much coarser than wanted: 40x scanners have 0.23 to 0.26 um per pixel, and half of that is meant for 0.5."""
_AREA_FROM = 1.5
"""From about this reduction on, area averages are nearer to Lanczos than cubic interpolation, which aliases: 36 dB, 37 at 1.5,
35, 33 at 1.75; below, cubic interpolation is: 36, 46 dB at 1.01 (PSNR on breast tissue at 0.5 um per pixel)."""

Box: TypeAlias = tuple[float, float, float, float]

cv2.setNumThreads(1)  # who reads tiles has threads of its own


@dataclass(frozen=True, slots=True)
class Rendition:
    """The pixels of a level, decoded `shrink` times smaller.

    Attributes:
        level: 0 is full resolution.
        shrink: 1 for the level as it is.
        downsample: Level-0 pixels per pixel of the rendition.
    """

    level: int
    shrink: int
    downsample: float


def choose_rendition(
    downsample: float, level_downsamples: Sequence[float], shrinks: Sequence[Sequence[int]], scaling: Scaling
) -> Rendition:
    """Return the coarsest rendition that is as fine as wanted, within 5 % (1 % for Lanczos); the finest there is, if none is.

    Args:
        downsample: Wanted, in level-0 pixels per pixel.
        level_downsamples: Of each level.
        shrinks: By which factors each level can be decoded smaller.
        scaling: Only `fast` shrinks.
    """
    limit = downsample * (1 + _TOLERANCE[scaling])
    fine = [
        Rendition(level, shrink, own * shrink)
        for level, own in enumerate(level_downsamples)
        for shrink in (shrinks[level] if scaling == "fast" else (1,))
        if own * shrink <= limit
    ]
    # Of two that are as coarse, to a hundredth, the coarser level has less to decode.
    return max(fine, key=lambda one: (round(math.log(one.downsample), 2), one.level), default=Rendition(0, 1, 1.0))


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a window lies on a rendition.

    Attributes:
        left: First column to read, in pixels of the rendition; may lie outside the slide.
        top: First row.
        width: Columns to read.
        height: Rows to read.
        box: Left, top, right and bottom of the window within what is read; whole numbers in fast scaling.
    """

    left: int
    top: int
    width: int
    height: int
    box: Box


def place(x_px0: int, y_px0: int, window_px0: tuple[float, float], downsample: float, scaling: Scaling) -> Placement:
    """Return where a window lies.

    Args:
        x_px0: Level-0 column of its upper left corner.
        y_px0: Level-0 row.
        window_px0: Width and height in level-0 pixels.
        downsample: Of the rendition.
        scaling: `fast` rounds the window to whole pixels of the rendition.
    """
    if scaling == "fast":
        left, right = (round(x / downsample) for x in (x_px0, x_px0 + window_px0[0]))
        top, bottom = (round(y / downsample) for y in (y_px0, y_px0 + window_px0[1]))
        width, height = max(1, right - left), max(1, bottom - top)
        return Placement(left, top, width, height, (0.0, 0.0, float(width), float(height)))
    left, top = (int(np.floor(corner / downsample + 1e-6)) for corner in (x_px0, y_px0))
    # The box counts from the level-0 pixel at which a decoder that only knows those would be asked to start.
    box_left, box_top = (x_px0 - round(left * downsample)) / downsample, (y_px0 - round(top * downsample)) / downsample
    box = (box_left, box_top, box_left + window_px0[0] / downsample, box_top + window_px0[1] / downsample)
    return Placement(left, top, _ceil(box[2]), _ceil(box[3]), box)


def _ceil(value: float) -> int:
    return max(1, int(np.ceil(value - 1e-6)))


def place_many(xy_px0: NDArray[np.integer], window_px0: int, downsample: float, scaling: Scaling) -> NDArray[np.int64]:
    """Return what `place` reads for each of many square windows.

    Args:
        xy_px0: (n, 2) level-0 upper left corners.
        window_px0: Side of the windows in level-0 pixels.
        downsample: Of the rendition.
        scaling: As for `place`.

    Returns:
        int64 (n, 4): left, top, width and height in pixels of the rendition.
    """
    corners = np.asarray(xy_px0, np.int64).reshape(-1, 2)
    if scaling == "fast":
        first, last = np.rint(corners / downsample), np.rint((corners + window_px0) / downsample)
        return np.concatenate([first, np.maximum(1, last - first)], axis=1).astype(np.int64)
    first = np.floor(corners / downsample + 1e-6)
    start = (corners - np.rint(first * downsample)) / downsample
    sides = np.maximum(1, np.ceil(start + window_px0 / downsample - 1e-6))
    return np.concatenate([first, sides], axis=1).astype(np.int64)


def are_exact(
    xy_px0: NDArray[np.integer], window_px0: int, downsample: float, scaling: Scaling, size_px: int
) -> NDArray[np.bool_]:
    """Return for each of many square windows whether what is read is the result of side `size_px`, pixel by pixel: bool (n,)."""
    corners = np.asarray(xy_px0, np.int64).reshape(-1, 2)
    has_size = place_many(corners, window_px0, downsample, scaling)[:, 2:] == size_px
    if scaling == "lanczos":  # which honours fractions of pixels
        first = np.rint(np.floor(corners / downsample + 1e-6) * downsample)
        has_size &= (first == corners) & (window_px0 / downsample == size_px)
    return np.asarray(has_size.all(axis=1))


def resample(
    pixels: NDArray[np.uint8],
    box: Box,
    size: tuple[int, int],
    scaling: Scaling = "lanczos",
    *,
    out: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """Return the part of an image inside `box` at a new size.

    Args:
        pixels: uint8 (h, w, 3).
        box: Left, top, right, bottom in pixels of `pixels`. Lanczos honours fractions of pixels.
        size: Width and height of the result.
        scaling: `lanczos`: antialiased, as in Levy-Jurgenson et al. 2020; `fast`: area averages where the image shrinks by
            half or more, else cubic interpolation.
        out: uint8 (size[1], size[0], 3), contiguous: where to put the result.

    Returns:
        uint8 (size[1], size[0], 3); the very pixels, without any filter, where the box is that size and starts on a pixel.
    """
    height, width = pixels.shape[:2]
    left, top, right, bottom = box[0], box[1], min(box[2], width), min(box[3], height)
    if left.is_integer() and top.is_integer() and (right - left, bottom - top) == size:
        result = pixels[int(top) : int(top) + size[1], int(left) : int(left) + size[0]]
    elif scaling == "fast":
        part = pixels[round(top) : round(bottom), round(left) : round(right)]
        shrinks = part.shape[0] >= _AREA_FROM * size[1] or part.shape[1] >= _AREA_FROM * size[0]
        kind = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        result = np.asarray(cv2.resize(part, size, dst=out, interpolation=kind), np.uint8)
        if result is out:
            return out
    else:
        image = Image.fromarray(pixels)
        result = np.asarray(image.resize(size, Image.Resampling.LANCZOS, box=(left, top, right, bottom)))
    if out is None:
        return result
    out[...] = result
    return out
