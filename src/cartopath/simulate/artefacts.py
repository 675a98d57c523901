"""Planted artefacts: what pens, microtomes, dust, mounting and scanners do to a slide, with the truth of where.

Each artefact takes a picture in floats, the colour of its glass and a scale, and returns the changed picture and a mask. Pens and
folds absorb light on top of the tissue, by the law of Beer and Lambert; the rest is drawn over it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cartopath.core.errors import ConfigError
from cartopath.core.geometry import RegionPx0
from cartopath.core.rng import stream
from cartopath.simulate.pyramid import write_pyramid
from cartopath.simulate.render import render_region
from cartopath.simulate.specimen import Specimen

PEN_DENSITIES = {
    "red": (0.04, 0.80, 0.78),
    "green": (0.95, 0.42, 0.52),
    "blue": (0.95, 0.50, 0.12),
    "black": (1.20, 1.25, 1.20),
}
"""Optical densities of pens (base 10) in R, G, B, close to those of pens on real slides."""

Picture = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Canvas:
    """What an artefact is drawn on.

    Attributes:
        picture: float32 (h, w, 3), 0 to 255.
        white: Colour of the glass, float32 (3,).
        mpp: Micrometres per pixel.
        rng: Where its place and shape come from.
    """

    picture: Picture
    white: NDArray[np.float32]
    mpp: float
    rng: np.random.Generator

    @property
    def side_um(self) -> float:
        """Shorter side."""
        return float(min(self.picture.shape[:2]) * self.mpp)


@dataclass(frozen=True, slots=True)
class Planted:
    """A picture with an artefact.

    Attributes:
        picture: uint8 (h, w, 3) RGB.
        mask: bool (h, w), where the artefact is.
    """

    picture: NDArray[np.uint8]
    mask: Mask


def plant(picture: NDArray[np.uint8], kind: str, *, mpp: float, seed: int = 0) -> Planted:
    """Put an artefact on a picture.

    Args:
        picture: uint8 (h, w, 3) RGB, on white or light glass.
        kind: One of `ARTEFACTS`.
        mpp: Micrometres per pixel; artefacts have physical sizes.
        seed: The same seed gives the same artefact in the same place.

    Raises:
        ConfigError: There is no such artefact.
    """
    if kind not in ARTEFACTS:
        raise ConfigError(f"The 'kind' parameter of plant must be one of {', '.join(ARTEFACTS)}. Got {kind!r} instead.")
    white = np.percentile(picture.reshape(-1, 3), 99.5, axis=0).astype(np.float32)
    canvas = Canvas(picture.astype(np.float32), white, mpp, stream(seed, "artefact", kind))
    changed, mask = ARTEFACTS[kind](canvas)
    return Planted(np.clip(np.round(changed), 0, 255).astype(np.uint8), mask)


def simulate_flawed_slide(specimen: Specimen, path: Path | str, *kinds: str, seed: int = 0) -> dict[str, Mask]:
    """Draw a specimen with artefacts and write it as a slide; for slides that fit in memory.

    Args:
        specimen: The slide.
        path: The TIFF.
        kinds: Of `ARTEFACTS`, planted one after the other.
        seed: Of the artefacts.

    Returns:
        For each kind where it is: bool (h, w) in level-0 pixels.
    """
    size, masks = specimen.size_px0, {}
    picture = render_region(specimen, RegionPx0(0, 0, size.width, size.height))
    for kind in kinds:
        planted = plant(picture, kind, mpp=specimen.mpp, seed=seed)
        picture, masks[kind] = planted.picture, planted.mask

    def draw(region: RegionPx0) -> NDArray[np.uint8]:
        return picture[region.y : region.y + region.height, region.x : region.x + region.width]

    write_pyramid(path, size, mpp=specimen.mpp, draw=draw, description="simulated H&E slide with artefacts, cartopath")
    return masks


def _pen(canvas: Canvas, *, colour: str) -> tuple[Picture, Mask]:
    distance = _distance_from_curve(canvas)
    width_um = min(600.0, 0.14 * canvas.side_um)
    mask = distance <= width_um / 2
    edge_um = max(0.04 * width_um, 2 * canvas.mpp)
    cover = np.clip((width_um / 2 - distance) / edge_um + 0.5, 0, 1)
    cover *= 1 + 0.15 * _slow_noise(canvas, width_um)
    light = 10 ** (-cover[..., None] * np.asarray(PEN_DENSITIES[colour], np.float32))
    return canvas.picture * light, mask


def _fold(canvas: Canvas) -> tuple[Picture, Mask]:
    """Lay a band of the section on its neighbour, which doubles the absorption where there is tissue."""
    distance = _distance_from_curve(canvas)
    width_um = min(200.0, 0.09 * canvas.side_um)
    mask = (distance <= width_um / 2) & _tissue(canvas)
    shift = max(1, round(width_um / canvas.mpp))
    second = np.roll(canvas.picture, shift, axis=1) / canvas.white
    third = np.roll(canvas.picture, -shift, axis=1) / canvas.white
    folded = canvas.picture * np.minimum(second, 1) * np.minimum(third, 1)
    return np.where(mask[..., None], folded, canvas.picture), mask


def _dust(canvas: Canvas, *, n_grains: int = 12) -> tuple[Picture, Mask]:
    mask = np.zeros(canvas.picture.shape[:2], bool)
    for centre in _centres(canvas, n_grains):
        radius_um = max(canvas.rng.uniform(15.0, 40.0), 3 * canvas.mpp)
        mask |= _distance_from(canvas, centre) * (1 + 0.2 * _slow_noise(canvas, radius_um)) <= radius_um
    value = canvas.rng.uniform(20, 60)
    return np.where(mask[..., None], np.float32(value), canvas.picture), mask


def _bubble(canvas: Canvas) -> tuple[Picture, Mask]:
    """Draw an air bubble: a broad dark rim around a slightly brighter, out-of-focus inside. The mask is the rim."""
    distance = _distance_from(canvas, _centres(canvas, 1)[0])
    radius_um = 0.16 * canvas.side_um
    rim_um = max(0.1 * radius_um, 3 * canvas.mpp)
    mask = np.abs(distance - radius_um) <= rim_um / 2
    inside = _blurred(canvas, 4.0) * 0.8 + canvas.white * 0.2
    picture = np.where((distance < radius_um)[..., None], inside, canvas.picture)
    return np.where(mask[..., None], np.float32(45), picture), mask


def _blur(canvas: Canvas, *, sigma_um: float = 4.0) -> tuple[Picture, Mask]:
    """Take one half of the picture, divided by a slow curve, out of focus."""
    height, width = canvas.picture.shape[:2]
    angle = canvas.rng.uniform(0, 2 * np.pi)
    along = (np.arange(width) - width / 2)[None, :] * np.cos(angle) + (np.arange(height) - height / 2)[:, None] * np.sin(angle)
    mask = along * canvas.mpp + 0.05 * canvas.side_um * _slow_noise(canvas, canvas.side_um / 4) > 0
    return np.where(mask[..., None], _blurred(canvas, sigma_um), canvas.picture), mask


def _defocus(canvas: Canvas, *, sigma_um: float = 4.0) -> tuple[Picture, Mask]:
    return _blurred(canvas, sigma_um), np.ones(canvas.picture.shape[:2], bool)


def _coverslip(canvas: Canvas, *, width_um: float = 40.0, density: float = 0.15) -> tuple[Picture, Mask]:
    """Draw the shadow of the coverslip's edge: a straight grey line from side to side, a little off the vertical."""
    height, width = canvas.picture.shape[:2]
    start, end = canvas.rng.uniform(0.05, 0.25) * width, canvas.rng.uniform(0.05, 0.25) * width
    line = start + (end - start) * np.arange(height) / height
    distance = np.abs(np.arange(width)[None, :] - line[:, None]) * canvas.mpp
    mask = distance <= max(width_um, 2 * canvas.mpp) / 2
    return np.where(mask[..., None], canvas.picture * np.float32(10**-density), canvas.picture), mask


def _saturation(canvas: Canvas, *, gain: float = 1.9) -> tuple[Picture, Mask]:
    """Overexpose a round region so far that red is clipped."""
    mask = _distance_from(canvas, _centres(canvas, 1)[0]) <= 0.3 * canvas.side_um
    return np.where(mask[..., None], np.minimum(canvas.picture * gain, 255), canvas.picture), mask


def _padding(canvas: Canvas, *, value: float) -> tuple[Picture, Mask]:
    """Fill a band at the right and a rectangle in the middle."""
    height, width = canvas.picture.shape[:2]
    mask = np.zeros((height, width), bool)
    mask[:, round(0.93 * width) :] = True
    top, left = round(canvas.rng.uniform(0.3, 0.6) * height), round(canvas.rng.uniform(0.3, 0.6) * width)
    mask[top : top + height // 6, left : left + width // 6] = True
    return np.where(mask[..., None], np.float32(value), canvas.picture), mask


def _pale(canvas: Canvas, *, strength: float = 0.12) -> tuple[Picture, Mask]:
    """Stain the whole slide much too weakly."""
    light = np.clip(canvas.picture / canvas.white, 1e-3, 1)
    return canvas.white * light**strength, np.ones(canvas.picture.shape[:2], bool)


def _wrong_hue(canvas: Canvas) -> tuple[Picture, Mask]:
    """Stain the whole slide with something that is not H&E: red absorbed most, green least."""
    return canvas.picture[..., [1, 0, 2]], np.ones(canvas.picture.shape[:2], bool)


ARTEFACTS: dict[str, Callable[[Canvas], tuple[Picture, Mask]]] = {
    **{f"{colour} pen": partial(_pen, colour=colour) for colour in PEN_DENSITIES},
    "fold": _fold,
    "dust": _dust,
    "bubble": _bubble,
    "blur": _blur,
    "defocus": _defocus,
    "coverslip": _coverslip,
    "saturation": _saturation,
    **{f"{name} padding": partial(_padding, value=value) for name, value in (("black", 0), ("white", 255), ("grey", 235))},
    "pale stain": _pale,
    "wrong hue": _wrong_hue,
}
"""What can be planted. `blur` is a region out of focus, `defocus`, `pale stain` and `wrong hue` are the whole picture."""


def _tissue(canvas: Canvas) -> Mask:
    absorbed = ndimage.gaussian_filter(canvas.picture.min(axis=-1), max(0.5, 6.0 / canvas.mpp)) < canvas.white.min() - 25
    return np.asarray(absorbed)


def _blurred(canvas: Canvas, sigma_um: float) -> Picture:
    sigma = sigma_um / canvas.mpp
    return np.asarray(ndimage.gaussian_filter(canvas.picture, (sigma, sigma, 0)))


def _centres(canvas: Canvas, n: int) -> NDArray[np.intp]:
    """Draw (row, col) of points in tissue, or anywhere if there is none."""
    places = np.argwhere(_tissue(canvas))
    if not len(places):
        return canvas.rng.integers(0, canvas.picture.shape[:2], (n, 2))
    return np.asarray(places[canvas.rng.integers(len(places), size=n)])


def _distance_from(canvas: Canvas, centre: NDArray[np.intp]) -> NDArray[np.float32]:
    height, width = canvas.picture.shape[:2]
    rows, cols = np.ogrid[:height, :width]
    return np.asarray(np.hypot(rows - centre[0], cols - centre[1]) * canvas.mpp, np.float32)


def _distance_from_curve(canvas: Canvas) -> NDArray[np.float32]:
    """Return the distance in micrometres of each pixel from a smooth curve across the picture."""
    height, width = canvas.picture.shape[:2]
    along = np.linspace(0, 1, 4 * max(height, width))
    start, end = canvas.rng.uniform(0.25, 0.75, 2)
    sway = sum(canvas.rng.normal(scale=0.05) * np.sin(np.pi * n * along) for n in (1, 2, 3))
    across = np.clip(start + (end - start) * along + sway, 0, 1)
    if canvas.rng.random() < 0.5:
        along, across = across, along
    is_off = np.ones((height, width), bool)
    is_off[np.minimum((along * height).astype(int), height - 1), np.minimum((across * width).astype(int), width - 1)] = False
    return np.asarray(ndimage.distance_transform_edt(is_off) * canvas.mpp, np.float32)


def _slow_noise(canvas: Canvas, length_um: float) -> NDArray[np.float32]:
    """Return a smooth random field of about -1 to 1 whose bumps are `length_um` wide."""
    height, width = canvas.picture.shape[:2]
    step = max(1.0, length_um / canvas.mpp)
    coarse = canvas.rng.uniform(-1, 1, (int(height / step) + 3, int(width / step) + 3)).astype(np.float32)
    rows, cols = np.arange(height) / step + 0.5, np.arange(width) / step + 0.5
    smooth = ndimage.map_coordinates(coarse, np.meshgrid(rows, cols, indexing="ij"), order=1)
    return np.asarray(smooth, np.float32)
