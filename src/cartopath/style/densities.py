"""Optical densities: how much light each channel loses, which adds up over stains (law of Beer and Lambert)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cartopath.style.colour import Floats, to_bytes

Matrix = NDArray[np.float64]


def optical_density(pixels: NDArray[np.uint8], white: Sequence[float]) -> Floats:
    """Return natural optical densities; negative where a pixel is brighter than white.

    Args:
        pixels: uint8 (..., 3) RGB.
        white: R, G, B of empty glass, 1 to 255.

    Returns:
        float32 (..., 3), -ln((value + 1) / (white + 1)).

    >>> optical_density(np.array([240, 119, 29], np.uint8), (240, 239, 239)).astype(float).round(3).tolist()
    [0.0, 0.693, 2.079]
    """
    values = np.arange(256, dtype=np.float64)
    tables = [np.log((glass + 1) / (values + 1)).astype(np.float32) for glass in white]
    return np.stack([table[pixels[..., channel]] for channel, table in enumerate(tables)], axis=-1)


def from_optical_density(density: Floats, white: Sequence[float]) -> NDArray[np.uint8]:
    """Return the bytes that have these densities: the way back from `optical_density`.

    >>> from_optical_density(optical_density(np.array([7, 99, 254], np.uint8), (240, 240, 240)), (240, 240, 240)).tolist()
    [7, 99, 254]
    """
    return to_bytes(np.exp(-density) * (np.asarray(white, np.float32) + 1) - 1)


def with_residual(stains: Matrix) -> Matrix:
    """Return two unit stain vectors and, as the third, the unit vector at right angles to both, float64 (3, 3).

    >>> with_residual(np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]))[2].tolist()
    [0.0, 0.0, 1.0]
    """
    residual = np.cross(stains[0], stains[1])
    return np.vstack([stains, residual / np.linalg.norm(residual)])


def unit_rows(vectors: Matrix) -> Matrix:
    """Return the rows scaled to length 1."""
    scaled: Matrix = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled
