"""The one resample between a slide's level and a tile."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def resample(pixels: NDArray[np.uint8], box: tuple[float, float, float, float], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the part of an image inside `box` at a new size, antialiased (Lanczos, as in Levy-Jurgenson et al. 2020).

    Args:
        pixels: uint8 (h, w, 3).
        box: Left, top, right, bottom in pixels of `pixels`; fractions of pixels are honoured.
        size: Width and height of the result.

    Returns:
        uint8 (size[1], size[0], 3); the very pixels, without any filter, where the box is that size and starts on a pixel.
    """
    height, width = pixels.shape[:2]
    left, top, right, bottom = box[0], box[1], min(box[2], width), min(box[3], height)
    if left.is_integer() and top.is_integer() and (right - left, bottom - top) == size:
        return pixels[int(top) : int(top) + size[1], int(left) : int(left) + size[0]]
    image = Image.fromarray(pixels)
    return np.asarray(image.resize(size, Image.Resampling.LANCZOS, box=(left, top, right, bottom)))
