"""Colour spaces whose axes mean something: CIELAB, and the l-alpha-beta space in which Reinhard et al. 2001 transfer colour."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Vector = tuple[float, float, float]

# IEC 61966-2-1 (sRGB) with its white point D65, and the CIE 1976 L*a*b* formulae.
_TO_XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])
_WHITE = _TO_XYZ.sum(axis=1)
_TO_RELATIVE_XYZ = (_TO_XYZ / _WHITE[:, None]).T.astype(np.float32)
_FROM_RELATIVE_XYZ = np.linalg.inv((_TO_XYZ / _WHITE[:, None]).T).astype(np.float32)
_EPSILON, _KAPPA = 216 / 24389, 24389 / 27

# Reinhard et al. 2001 (IEEE Comput Graph Appl 21(5):34), equations 4 and 6: RGB to cone responses, their logs to l, alpha, beta.
_TO_CONES = np.array([[0.3811, 0.5783, 0.0402], [0.1967, 0.7244, 0.0782], [0.0241, 0.1288, 0.8444]])
_TO_OPPONENT = np.diag(1 / np.sqrt([3.0, 6.0, 2.0])) @ np.array([[1.0, 1.0, 1.0], [1.0, 1.0, -2.0], [1.0, -1.0, 0.0]])
_CONES = _TO_CONES.T.astype(np.float32)
_FROM_CONES = np.linalg.inv(_TO_CONES.T).astype(np.float32)
_OPPONENT = _TO_OPPONENT.T.astype(np.float32)
_FROM_OPPONENT = np.linalg.inv(_TO_OPPONENT.T).astype(np.float32)


def _linear_light() -> Floats:
    value = np.arange(256) / 255.0
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


_LINEAR = _linear_light()


def as_vector(values: NDArray[np.float64]) -> Vector:
    """Return three numbers as plain floats."""
    first, second, third = (float(value) for value in values)
    return first, second, third


def to_bytes(values: Floats) -> NDArray[np.uint8]:
    """Return values of 0..255 rounded and clipped to bytes."""
    pixels: NDArray[np.uint8] = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return pixels


def rgb_to_lab(pixels: NDArray[np.uint8]) -> Floats:
    """Return CIELAB (D65) of sRGB.

    Args:
        pixels: uint8 (..., 3).

    Returns:
        float32 (..., 3): L* 0 to 100, a* and b* about -128 to 127.

    >>> [round(float(value), 1) for value in rgb_to_lab(np.array([255, 0, 0], np.uint8))]
    [53.2, 80.1, 67.2]
    """
    xyz = _LINEAR[pixels] @ _TO_RELATIVE_XYZ  # (..., 3), 1 for white
    f = np.where(xyz > _EPSILON, np.cbrt(xyz), (_KAPPA * xyz + 16) / 116).astype(np.float32)
    lightness = 116 * f[..., 1] - 16
    return np.stack([lightness, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def lab_to_rgb(lab: Floats) -> NDArray[np.uint8]:
    """Return the nearest sRGB bytes to CIELAB colours; what sRGB cannot show is clipped channel by channel.

    >>> lab_to_rgb(rgb_to_lab(np.array([120, 60, 200], np.uint8))).tolist()
    [120, 60, 200]
    """
    middle = (lab[..., 0] + 16) / 116
    f = np.stack([middle + lab[..., 1] / 500, middle, middle - lab[..., 2] / 200], axis=-1)
    xyz = np.where(f**3 > _EPSILON, f**3, (116 * f - 16) / _KAPPA).astype(np.float32)
    light = np.clip(xyz @ _FROM_RELATIVE_XYZ, 0, 1)
    value = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** np.float32(1 / 2.4) - 0.055)
    return to_bytes((255 * value).astype(np.float32))


def rgb_to_opponent(pixels: NDArray[np.uint8]) -> Floats:
    """Return l, alpha, beta of Reinhard et al. 2001, with base-10 logarithms and black taken for 1/256.

    Args:
        pixels: uint8 (..., 3).

    Returns:
        float32 (..., 3).
    """
    light = (pixels.astype(np.float32) + 1) / 256
    opponent: Floats = np.log10(light @ _CONES) @ _OPPONENT
    return opponent


def opponent_to_rgb(opponent: Floats) -> NDArray[np.uint8]:
    """Return the nearest bytes to l, alpha, beta.

    >>> opponent_to_rgb(rgb_to_opponent(np.array([120, 60, 200], np.uint8))).tolist()
    [120, 60, 200]
    """
    light = np.power(np.float32(10), opponent @ _FROM_OPPONENT) @ _FROM_CONES
    return to_bytes(256 * light - 1)
