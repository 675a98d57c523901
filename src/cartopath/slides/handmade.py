"""What stain, texture, nuclei and gaps look like around points of a picture: features that nobody had to train.

Every map is one number per pixel of a picture at `HANDMADE_MPP`; a feature is its mean in a Gaussian window around the point, and
for some its spread there. The same maps in several windows tell what is at the point from what surrounds it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

HANDMADE_MPP = 1.5
"""Micrometres per pixel of the picture: a nucleus is five pixels wide."""

_HED_FROM_RGB = np.linalg.inv(np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])).astype(np.float32)
"""Haematoxylin, eosin and DAB out of optical densities (Ruifrok and Johnston 2001)."""
_GAP_DENSITY, _GLASS_PERCENTILE = 0.12, 2
_NUCLEUS_RADII_PX, _GAP_RADII_PX = (1, 2, 3, 5, 8, 12), (2, 4, 8, 16)
_TEXTURE_SIGMAS_PX, _BRIGHT_SIGMAS_PX = (0.7, 1.4, 2.8, 5.6, 11.2, 22.4), (1.4, 2.8, 5.6)
_PATTERN_RADII_PX, _PATTERN_BINS = (1, 3), ((0, 1), (1, 3), (3, 6), (6, 8), (8, 9))
_WITH_SPREAD = ("density_red", "density_green", "density_blue", "haematoxylin", "eosin", "nuclei", "crowding", "texture_")
_POOL_PX = 4
"""Windows are taken from maps this much smaller."""

Map = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Appearance:
    """What is seen around points.

    Attributes:
        names: Of the features: the map, `.spread` where it is its standard deviation, and the window's sigma in micrometres.
        values: float64 (n_points, n_features).
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]

    def column(self, name: str) -> NDArray[np.float64]:
        """Return one feature, (n_points,)."""
        return self.values[:, self.names.index(name)]


def appearance(pixels: NDArray[np.uint8], points: NDArray[np.float64], sigmas_um: Sequence[float]) -> Appearance:
    """Return hand-made features around points.

    Args:
        pixels: uint8 (h, w, 3) RGB at `HANDMADE_MPP`.
        points: (n_points, 2): x and y in these pixels.
        sigmas_um: Widths of the windows.
    """
    rows = np.clip((points[:, 1] / _POOL_PX).astype(int), 0, -(-pixels.shape[0] // _POOL_PX) - 1)
    columns = np.clip((points[:, 0] / _POOL_PX).astype(int), 0, -(-pixels.shape[1] // _POOL_PX) - 1)
    names: list[str] = []
    values: list[Map] = []
    for name, full in appearance_maps(pixels):
        has_spread = name.startswith(_WITH_SPREAD)
        small, squared = _pooled(full), _pooled(full * full) if has_spread else None
        for sigma_um in sigmas_um:
            sigma = sigma_um / HANDMADE_MPP / _POOL_PX
            mean = _blurred(small, sigma)
            names.append(f"{name}@{sigma_um:g}")
            values.append(mean[rows, columns])
            if squared is not None:
                spread = np.sqrt(np.maximum(_blurred(squared, sigma) - mean * mean, 0))
                names.append(f"{name}.spread@{sigma_um:g}")
                values.append(spread[rows, columns])
    return Appearance(tuple(names), np.stack(values, axis=1).astype(np.float64))


def appearance_maps(pixels: NDArray[np.uint8]) -> Iterator[tuple[str, Map]]:
    """Yield the maps of a picture one after the other, each with its name.

    Args:
        pixels: uint8 (h, w, 3) RGB at `HANDMADE_MPP`.
    """
    density = _optical_density(pixels)  # (h, w, 3)
    grey = density.mean(axis=2)
    gaps = (grey < _GAP_DENSITY).astype(np.float32)
    yield from _stain_maps(density)
    yield from _nuclear_maps(_blurred(np.ascontiguousarray(density[..., 0]), 1.0), gaps)
    yield from _opened("gaps", gaps, _GAP_RADII_PX)
    yield "gaps", gaps
    yield from _texture_maps(grey)
    yield from _pattern_maps(_blurred(grey, 0.7))


def _optical_density(pixels: NDArray[np.uint8]) -> Map:
    density = -np.log(np.clip(pixels.astype(np.float32) / 255, 1 / 255, 1))
    glass = np.percentile(density.reshape(-1, 3)[::17], _GLASS_PERCENTILE, axis=0).astype(np.float32)
    return np.maximum(density - glass, 0)


def _stain_maps(density: Map) -> Iterator[tuple[str, Map]]:
    red, green, blue = (np.ascontiguousarray(density[..., channel]) for channel in range(3))
    stains = np.maximum(density @ _HED_FROM_RGB, 0)
    yield "density_red", red
    yield "density_green", green
    yield "density_blue", blue
    yield "haematoxylin", np.ascontiguousarray(stains[..., 0])
    yield "eosin", np.ascontiguousarray(stains[..., 1])
    yield "red_over_blue", red - blue
    yield "green_over_red", green - red


def _nuclear_maps(red: Map, gaps: Map) -> Iterator[tuple[str, Map]]:
    """Yield where nuclei are, how dark, how large, how far apart and how crowded."""
    nuclei = (red > _otsu(red[gaps < 0.5])).astype(np.float32)
    yield "nuclei", nuclei
    yield "nuclear_stain", nuclei * red
    yield from _opened("nuclei", nuclei, _NUCLEUS_RADII_PX)
    apart = cv2.distanceTransform((nuclei < 0.5).astype(np.uint8), cv2.DIST_L2, 3)
    yield "nuclei_apart", np.minimum(apart, 60).astype(np.float32)
    yield "crowding", _blurred(nuclei, 8.0) ** 2


def _otsu(values: Map) -> float:
    if not values.size or values.max() <= 0:
        return float("inf")
    scaled = (values[::7] / values.max() * 255).astype(np.uint8)
    threshold, _ = cv2.threshold(scaled.reshape(-1, 1), 0, 255, cv2.THRESH_OTSU)
    return float(threshold / 255 * values.max())


def _opened(name: str, mask: Map, radii: Sequence[int]) -> Iterator[tuple[str, Map]]:
    """Yield what of a mask is lost from one opening to the next, which is how much of it has which width."""
    before = mask
    for radius in radii:
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
        after = cv2.morphologyEx(mask, cv2.MORPH_OPEN, disc).astype(np.float32)
        after = np.minimum(after, before)
        yield f"{name}_width_{2 * radius}", before - after
        before = after
    yield f"{name}_wider", before


def _texture_maps(grey: Map) -> Iterator[tuple[str, Map]]:
    for sigma in _TEXTURE_SIGMAS_PX:
        detail = _blurred(grey, sigma) - _blurred(grey, 2 * sigma)
        yield f"texture_{sigma:g}", np.abs(detail)
        if sigma in _BRIGHT_SIGMAS_PX:
            yield f"dark_detail_{sigma:g}", np.maximum(detail, 0)
    smooth = _blurred(grey, 1.0)
    across, down = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    for sigma in (4.0, 16.0):
        xx, yy, xy = (_blurred(product, sigma) for product in (across * across, down * down, across * down))
        yield f"alignment_{sigma:g}", np.sqrt((xx - yy) ** 2 + 4 * xy**2) / (xx + yy + 1e-4)


def _pattern_maps(grey: Map) -> Iterator[tuple[str, Map]]:
    """Yield where few or many of the eight neighbours at a distance are darker, whichever they are."""
    for radius in _PATTERN_RADII_PX:
        steps = [(dy, dx) for dy in (-radius, 0, radius) for dx in (-radius, 0, radius) if dy or dx]
        darker = np.zeros(grey.shape, np.uint8)
        for step in steps:
            darker += np.roll(grey, step, axis=(0, 1)) > grey + 0.02
        for low, high in _PATTERN_BINS:
            yield f"darker_neighbours_{radius}_{low}", ((darker >= low) & (darker < high)).astype(np.float32)


def _pooled(full: Map) -> Map:
    height, width = -(-full.shape[0] // _POOL_PX), -(-full.shape[1] // _POOL_PX)
    return np.asarray(cv2.resize(full, (width, height), interpolation=cv2.INTER_AREA), dtype=np.float32)


def _blurred(values: Map, sigma: float) -> Map:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma), dtype=np.float32)
