"""Where the tissue is, decided on a thumbnail.

Tissue is what absorbs clearly more light than the glass of the same slide. The glass is found first, as what is bright, smooth
and not pink, so that a yellowish, grey or dim background does not count as tissue. The threshold is half of Otsu's ([A31]), which
alone would separate nuclei from pale stroma, kept inside fixed limits. Blue and green ink is left out.

Tissue is the section without what is empty in it: a lumen or a vacuole of fat is a hole where the thumbnail resolves it (64
pixels or more, 64 um across at the coarsest) and tissue where it does not. The walls between vacuoles are tissue.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from cartopath.core.geometry import SizePx0
from cartopath.slides.slide import Slide

THUMBNAIL_MPP = 8.0
"""Micrometres per pixel of the thumbnail at most: a 256 um tile is 32 pixels wide."""
PIXELS_PER_TILE = 32
MAX_THUMBNAIL_PX = 4096

_MIN_GLASS, _MAX_GLASS_CHROMA, _MAX_GLASS_ROUGHNESS = 170, 32, 4.0
_MAX_LIGHT_CHROMA, _MAX_LIGHT_MAGENTA = 64, 6
_MIN_GREY_GLASS, _MAX_GREY_CHROMA = 200, 8
_MIN_GLASS_SHARE = 0.005
_GLASS_PX = 1024
_BLACK_FILL = 8
_USUAL_GLASS = (245.0, 245.0, 245.0)
_MIN_THRESHOLD, _MAX_THRESHOLD = 0.03, 0.10
_THRESHOLD_BLOCK_PX = 4
_MIN_INK, _INK_RATIO, _INK_RIM_PX = 0.04, 1.25, 3
_SMALLEST_OBJECT_PX, _SMALLEST_HOLE_PX = 16, 64


@dataclass(frozen=True, slots=True)
class TissueMask:
    """Tissue of a whole slide on a coarse raster.

    Attributes:
        mask: bool (h, w), stretched over the whole slide.
        dimensions_px0: Size of the slide.
    """

    mask: NDArray[np.bool_]
    dimensions_px0: SizePx0
    _areas: NDArray[np.uint32] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        areas = np.zeros((self.mask.shape[0] + 1, self.mask.shape[1] + 1), np.uint32)
        np.cumsum(self.mask.cumsum(axis=0, dtype=np.uint32), axis=1, out=areas[1:, 1:])
        object.__setattr__(self, "_areas", areas)

    @property
    def share(self) -> float:
        """Share of the slide that is tissue."""
        return float(self.mask.mean())

    def fraction(self, x_px0: NDArray[np.integer], y_px0: NDArray[np.integer], size_px0: int) -> NDArray[np.float64]:
        """Return the share of squares that is tissue, exact to parts of mask pixels.

        Args:
            x_px0: (n,) level-0 columns of upper left corners.
            y_px0: (n,) level-0 rows.
            size_px0: Side of the squares in level-0 pixels.

        Returns:
            float64 (n,), 0 to 1. What lies past the border of the slide is not tissue.
        """
        height, width = self.mask.shape
        per_column, per_row = self.dimensions_px0.width / width, self.dimensions_px0.height / height
        left, right = np.asarray(x_px0) / per_column, (np.asarray(x_px0) + size_px0) / per_column
        top, bottom = np.asarray(y_px0) / per_row, (np.asarray(y_px0) + size_px0) / per_row
        inside = self._area(bottom, right) - self._area(top, right) - self._area(bottom, left) + self._area(top, left)
        return np.asarray(np.clip(inside * per_column * per_row / size_px0**2, 0.0, 1.0))

    def _area(self, row: NDArray[np.float64], col: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the tissue above and left of fractional mask positions, in mask pixels."""
        height, width = self.mask.shape
        row, col = np.clip(row, 0, height), np.clip(col, 0, width)
        i, j = np.minimum(row.astype(np.intp), height - 1), np.minimum(col.astype(np.intp), width - 1)
        down, along = row - i, col - j
        upper = self._areas[i, j] * (1 - along) + self._areas[i, j + 1] * along
        lower = self._areas[i + 1, j] * (1 - along) + self._areas[i + 1, j + 1] * along
        return np.asarray(upper * (1 - down) + lower * down)


def slide_tissue(slide: Slide, window_px0: int) -> TissueMask:
    """Return the tissue of a slide, fine enough for tiles of `window_px0` level-0 pixels."""
    return TissueMask(tissue_mask(tissue_thumbnail(slide, window_px0)), slide.dimensions_px0)


def tissue_thumbnail(slide: Slide, window_px0: int) -> NDArray[np.uint8]:
    """Return the picture that `slide_tissue` decides on, uint8 (h, w, 3) RGB.

    Its scale is physical, so that the same tissue scanned at two resolutions gives the same mask.
    """
    mpp = min(THUMBNAIL_MPP, window_px0 * slide.mpp / PIXELS_PER_TILE)
    max_px = round(max(slide.dimensions_px0.width, slide.dimensions_px0.height) * slide.mpp / mpp)
    return slide.thumbnail(min(MAX_THUMBNAIL_PX, max(1, max_px)))


def tissue_mask(thumbnail: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where a thumbnail shows tissue.

    Args:
        thumbnail: uint8 (h, w, 3) RGB, at about 2 to 30 micrometres per pixel.

    Returns:
        bool (h, w). Specks are left out, small holes are filled.
    """
    absorbance = _absorbance(thumbnail)
    threshold = _threshold(absorbance)
    smooth = ndimage.gaussian_filter(absorbance, 1.0, truncate=3.0)
    # Smoothing carries dark tissue over its own outline; what is bare glass before smoothing stays glass.
    return _tidy((smooth > threshold) & (absorbance > 0.5 * threshold))


def _absorbance(thumbnail: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return how much light each pixel absorbs compared with glass, natural logarithm, of its most absorbing channel.

    Zero under black filling and under blue or green ink, so that these neither count nor shift the threshold.
    """
    red, green, blue = (
        np.log(np.float32(white) / np.maximum(np.arange(256, dtype=np.float32), 1))[thumbnail[..., channel]]
        for channel, white in enumerate(_glass_colour(thumbnail))
    )
    is_ink = _ink(red, green)
    absorbance: NDArray[np.float32] = np.maximum(np.maximum(red, green, out=red), blue, out=red)
    brightest = np.maximum(np.maximum(thumbnail[..., 0], thumbnail[..., 1]), thumbnail[..., 2])
    absorbance[is_ink | (brightest <= _BLACK_FILL)] = 0.0
    return absorbance


def _ink(red: NDArray[np.float32], green: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return where a pen was, from the absorbance of red and green: haematoxylin and eosin both absorb green the most."""
    factor = -(-max(red.shape) // _GLASS_PX)
    coarse_red, coarse_green = (np.asarray(Image.fromarray(channel).reduce(factor)) for channel in (red, green))
    is_ink = ndimage.binary_opening(coarse_red > _MIN_INK + _INK_RATIO * coarse_green, np.ones((3, 3)))
    if not is_ink.any():
        return np.zeros(red.shape, np.bool_)
    near = ndimage.binary_dilation(is_ink, iterations=_INK_RIM_PX).repeat(factor, axis=0).repeat(factor, axis=1)
    return np.asarray(near[: red.shape[0], : red.shape[1]] & (red > green))


def _glass_colour(thumbnail: NDArray[np.uint8]) -> tuple[float, ...]:
    """Return the colour of bare glass: the brightest common colour that is nearly colourless and smooth.

    Pure white is what programs fill gaps with, so it is the glass only if nothing grey is.
    """
    factor = -(-max(thumbnail.shape) // _GLASS_PX)
    small = np.asarray(Image.fromarray(thumbnail).reduce(factor), np.float32)
    brightness = small.mean(axis=-1)
    chroma = small.max(axis=-1) - small.min(axis=-1)
    variance = ndimage.uniform_filter(brightness**2, 5) - ndimage.uniform_filter(brightness, 5) ** 2
    is_smooth = variance <= _MAX_GLASS_ROUGHNESS**2
    magenta = np.minimum(small[..., 0], small[..., 2]) - small[..., 1]  # pale tissue has it, yellow or blue light has not
    is_glass_hue = (chroma <= _MAX_GLASS_CHROMA) | ((chroma <= _MAX_LIGHT_CHROMA) & (magenta <= _MAX_LIGHT_MAGENTA))
    is_glass = is_smooth & (brightness >= _MIN_GLASS) & is_glass_hue
    is_grey = is_smooth & (brightness >= _MIN_GREY_GLASS) & (chroma <= _MAX_GREY_CHROMA) & (brightness < 254.5)
    peak = _brightest_peak(brightness[is_glass])
    if peak >= 254 and is_grey.mean() >= _MIN_GLASS_SHARE:
        is_glass = is_grey
        peak = _brightest_peak(brightness[is_grey])
    if is_glass.mean() < _MIN_GLASS_SHARE:
        return _USUAL_GLASS
    return tuple(float(value) for value in np.median(small[is_glass & (np.abs(brightness - peak) <= 3)], axis=0))


def _brightest_peak(brightness: NDArray[np.float32]) -> int:
    """Return the brightest value, 0 to 255, that is at least a fifth as common as the most common; 0 if there are none."""
    if not brightness.size:
        return 0
    histogram = np.bincount(brightness.astype(np.intp), minlength=256).astype(np.float64)
    histogram = ndimage.gaussian_filter1d(histogram, 1.5, mode="constant")
    brightest = int(np.flatnonzero(histogram >= 0.2 * histogram.max())[-1])
    lowest = max(0, brightest - 4)
    return lowest + int(np.argmax(histogram[lowest : brightest + 1]))


def _threshold(absorbance: NDArray[np.float32]) -> float:
    """Half of Otsu's, on blocks that hold nuclei and the stroma between them, so that it tells tissue from glass."""
    blocks = np.asarray(Image.fromarray(absorbance).reduce(_THRESHOLD_BLOCK_PX))
    return float(np.clip(0.5 * otsu(blocks), _MIN_THRESHOLD, _MAX_THRESHOLD))


def otsu(values: NDArray[np.floating]) -> float:
    """Return the threshold that best separates values into two classes (Otsu 1979), on 256 bins from 0 to 1."""
    counts, edges = np.histogram(values, bins=256, range=(0.0, 1.0))
    centres = (edges[:-1] + edges[1:]) / 2
    below = counts.cumsum()
    above = below[-1] - below
    total = (counts * centres).cumsum()
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (total / below - (total[-1] - total) / above) ** 2
    if not np.isfinite(between).any():
        return 0.0
    return float(edges[1 + int(np.nanargmax(between))])


def _tidy(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    without_specks = _without_small(mask, _SMALLEST_OBJECT_PX)
    return ~_without_small(~without_specks, _SMALLEST_HOLE_PX)


def _without_small(mask: NDArray[np.bool_], smallest: int) -> NDArray[np.bool_]:
    labels, _ = ndimage.label(mask)
    is_large = np.bincount(labels.ravel()) >= smallest
    is_large[0] = False
    return np.asarray(is_large[labels])
