"""What the picture of a section shows at its spots and beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import SlideError
from cartopath.methods.spatial.section import Section
from cartopath.slides import open_slide
from cartopath.slides.handmade import HANDMADE_MPP, appearance

WINDOWS = (0.15, 0.3, 0.6)
"""Sigmas of the windows in spot pitches: the spot, all that is nearer to it than to others, and its neighbours."""
MAX_PX = 1 << 27
_MARGIN_PITCHES = 2.5
_MOST_SPREADS = 4.0


@dataclass(frozen=True, eq=False)
class SpotFeatures:
    """What is seen at the spots of a section, against the rest of the section.

    Attributes:
        names: Of the features.
        values: (n_spots, n_features): means 0 and standard deviations 1 over the section, outliers drawn in.
        nuclei: (n_spots,): share of the spot that is nuclei, 0 to 1.
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]
    nuclei: NDArray[np.float64]

    def only(self, names: Sequence[str]) -> SpotFeatures:
        """Return some of the features, in the order asked for."""
        kept = [self.names.index(name) for name in names]
        return SpotFeatures(tuple(names), self.values[:, kept], self.nuclei)


def spot_features(section: Section) -> SpotFeatures:
    """Return the features of the spots of a section.

    Raises:
        SlideError: The picture cannot be read, is too large, or the spots do not lie on it.
    """
    pixels, points = _pixels(section)
    sigmas_um = [round(window * section.pitch_um, 1) for window in WINDOWS]
    seen = appearance(pixels, points, sigmas_um)
    spread = seen.values.std(axis=0)
    varies = spread > 1e-9 * (1 + np.abs(seen.values).max(axis=0))
    standard = (seen.values[:, varies] - seen.values[:, varies].mean(axis=0)) / spread[varies]
    names = tuple(name for name, kept in zip(seen.names, varies, strict=True) if kept)
    nuclei = seen.column(f"nuclei@{sigmas_um[1]:g}")
    return SpotFeatures(names, np.clip(standard, -_MOST_SPREADS, _MOST_SPREADS), nuclei)


def _pixels(section: Section) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return the part of the picture under the spots at `HANDMADE_MPP`, and where the spots are in it."""
    centres, margin = section.centres_px, _MARGIN_PITCHES * section.pitch_px
    with open_slide(section.image, mpp=section.mpp) as slide:
        size = (slide.dimensions_px0.width, slide.dimensions_px0.height)
        outside = ((centres < 0) | (centres >= size)).any(axis=1).sum()
        if outside:
            raise SlideError(
                f"{section.image}: {int(outside)} of {len(centres)} spots of {section.name} lie beside the picture, which has "
                f"{size[0]} x {size[1]} px; are their positions given in pixels of another picture?"
            )
        low = np.maximum(np.floor(centres.min(axis=0) - margin), 0).astype(int)
        high = np.minimum(np.ceil(centres.max(axis=0) + margin), size).astype(int)
        scale = section.mpp / HANDMADE_MPP
        width, height = (max(1, round(float(side) * scale)) for side in high - low)
        if width * height > MAX_PX:
            raise SlideError(f"{section.image}: {width} x {height} px under the spots; at most {MAX_PX:,} px can be looked at")
        window = (float(high[0] - low[0]), float(high[1] - low[1]))
        pixels = slide.read_scaled(int(low[0]), int(low[1]), window, (width, height))
    return pixels, (centres - low) * (np.array([width, height]) / window)
