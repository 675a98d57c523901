"""What tissue is made of, coarsely: mean colour, stain and density of nuclei, as a baseline that knows nothing of morphology."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cartopath.cohort import read_slides
from cartopath.core.errors import SlideError, TableError
from cartopath.methods.regression.patients import Patients, SlideTiles
from cartopath.slides import Slide, open_slide, stain_statistics
from cartopath.style.hed import hed_amounts

_TILES = 64
"""Of a slide, evenly spaced over the list."""
_UM_PER_PIXEL = 1.0
_LARGEST_PX = 512
_NUCLEUS_UM = 5.0
"""No two nuclei are nearer than this."""
_DARK = 0.12
"""Haematoxylin above its surroundings, in optical density, that makes a nucleus."""

NAMES = (
    *("red", "green", "blue", "haematoxylin", "eosin", "saturation"),
    *("haematoxylin_sd", "eosin_sd", "nuclei_per_mm2", "nuclei_sd"),
)
"""Numbers of a patient: means over tiles, deviations over tiles, nuclei per square millimetre."""


@dataclass(frozen=True, eq=False)
class Composition:
    """Baseline vectors, or the reason why there are none.

    Attributes:
        vectors: (n_patients, 10) in the order of the patients; None where slides could not be read.
        reason: Why there are none, "" where there are.
    """

    vectors: NDArray[np.float64] | None
    reason: str


def read_composition(patients: Patients, slide_dir: Path | None, table: Path | None) -> Composition:
    """Read the composition of each patient's tissue from the pixels of some tiles of each slide.

    Args:
        patients: With the places of their tiles.
        slide_dir: Folder of the slides; None: there are none.
        table: Of slides, which may say their paths and resolution.
    """
    if slide_dir is None:
        return Composition(None, "no folder of slides was given (--slide-dir)")
    try:
        listed = read_slides(slide_dir, table)
    except TableError as error:
        return Composition(None, str(error))
    paths = {row.slide_id: (row.path, row.mpp) for row in listed.itertuples(index=False) if row.path}
    rows = [_of_patient(patients.slides[name], paths) for name in patients.names]
    lacking = [name for name, row in zip(patients.names, rows, strict=True) if row is None]
    if lacking:
        few = ", ".join(lacking[:3])
        return Composition(None, f"tiles of {len(lacking)} of {len(rows)} patients cannot be read in {slide_dir} ({few})")
    return Composition(np.array(rows), "")


def _of_patient(slides: tuple[SlideTiles, ...], paths: Mapping[str, tuple[str, float]]) -> NDArray[np.float64] | None:
    """Return the composition over all slides of a patient that can be read; None where none can."""
    found = []
    for tiles in slides:
        path, mpp = paths.get(tiles.slide_id, ("", float("nan")))
        if not path or tiles.xy_px0 is None or not tiles.window_px0:
            continue
        try:
            with open_slide(path, mpp=None if np.isnan(mpp) else mpp) as slide:
                found.append(_of_slide(slide, tiles.xy_px0, tiles.window_px0))
        except SlideError:
            continue
    if not found:
        return None
    every = np.concatenate(found)  # (n_tiles, 7)
    every = every[~np.isnan(every).any(axis=1)]
    if not len(every):
        return None
    mean, sd = every.mean(axis=0), every.std(axis=0)
    return np.concatenate([mean[:6], [sd[3], sd[4]], [mean[6], sd[6]]])


def _of_slide(slide: Slide, xy_px0: NDArray[np.int64], window_px0: int) -> NDArray[np.float64]:
    """Return colour, stain and density of nuclei of some tiles, (n_tiles, 7); NaN for tiles without tissue."""
    size = min(max(round(window_px0 * slide.mpp / _UM_PER_PIXEL), 16), _LARGEST_PX)
    um_per_pixel = window_px0 * slide.mpp / size
    chosen = xy_px0[np.linspace(0, len(xy_px0) - 1, min(_TILES, len(xy_px0))).round().astype(int)]
    rows = []
    for x, y in chosen.tolist():
        pixels = slide.read_scaled(x, y, (float(window_px0), float(window_px0)), (size, size))
        stain = stain_statistics(pixels[None])
        numbers = (stain.red, stain.green, stain.blue, stain.haematoxylin, stain.eosin, stain.saturation)
        rows.append((*numbers, nuclei_per_mm2(pixels, um_per_pixel)))
    return np.array(rows, np.float64)


def nuclei_per_mm2(pixels: NDArray[np.uint8], um_per_pixel: float) -> float:
    """Return roughly how many nuclei there are per square millimetre: dark spots of haematoxylin.

    Args:
        pixels: uint8 (h, w, 3) RGB.
        um_per_pixel: Of these pixels.
    """
    from scipy import ndimage

    density = hed_amounts(pixels)[..., 0].astype(np.float64)
    spot = max(_NUCLEUS_UM / um_per_pixel, 1.0)
    smooth = ndimage.gaussian_filter(density, spot / 3)
    raised = smooth - ndimage.gaussian_filter(density, 3 * spot)
    reach = 2 * max(round(spot / 2), 1) + 1
    peaks = (smooth == ndimage.maximum_filter(smooth, size=reach)) & (raised > _DARK)
    _, n_nuclei = ndimage.label(peaks, structure=np.ones((3, 3)))  # Equal pixels beside each other are one peak.
    area_mm2 = pixels.shape[0] * pixels.shape[1] * (um_per_pixel / 1000) ** 2
    return float(n_nuclei / area_mm2)
