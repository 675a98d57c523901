"""Smooth random fields over physical coordinates that can be evaluated anywhere, in any order, at any resolution.

A field is a sum of plane waves whose wave vectors are drawn from a normal distribution (random Fourier features), which makes it
close to a Gaussian process with mean 0, variance 1 and the squared-exponential covariance exp(-d^2 / (2 length^2)). It has no
grid and no end: a tile of a 100 mm slide costs as much as a tile of a 1 mm slide, and neighbouring tiles meet without a seam.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import ConfigError

Floats = NDArray[np.floating]

# BLAS does not divide a product of at most this many multiplications over threads: the result cannot depend on their number, and
# worker processes do not fight over cores.
_UNSPLIT_PRODUCT = 200_000


@dataclass(frozen=True, eq=False, slots=True)
class SmoothField:
    """A sum of plane waves: amplitude * cos(kx * x + ky * y + phase), with x and y in micrometres.

    Attributes:
        kx: Angular frequencies along x in 1/um, float64 (n_waves,).
        ky: Angular frequencies along y in 1/um, float64 (n_waves,).
        phase: Phases in radians, float64 (n_waves,).
        amplitude: Amplitudes, float64 (n_waves,).
    """

    kx: Floats
    ky: Floats
    phase: Floats
    amplitude: Floats

    def on_grid(self, x_um: Floats, y_um: Floats) -> NDArray[np.float32]:
        """Return the values on the grid of all pairs, float32 (n_y, n_x).

        cos(a + b) = cos a cos b - sin a sin b, so a grid is a product of matrices.
        """
        along_x = np.outer(self.kx, x_um)
        along_y = np.outer(y_um, self.ky) + self.phase
        left = np.concatenate([np.cos(along_y) * self.amplitude, -np.sin(along_y) * self.amplitude], axis=1)  # (n_y, 2 n_waves)
        right = np.concatenate([np.cos(along_x), np.sin(along_x)])  # (2 n_waves, n_x)
        values = np.empty((len(y_um), len(x_um)), np.float32)
        rows = max(1, _UNSPLIT_PRODUCT // max(1, right.size))
        for start in range(0, len(y_um), rows):
            values[start : start + rows] = left[start : start + rows] @ right
        return values

    def at(self, x_um: Floats, y_um: Floats) -> NDArray[np.float32]:
        """Return the values at points, float32, of the shape of `x_um` and `y_um`."""
        kx, ky, phase, amplitude = (part.astype(np.float32) for part in (self.kx, self.ky, self.phase, self.amplitude))
        angle = np.multiply.outer(np.asarray(x_um, dtype=np.float32), kx)
        angle += np.multiply.outer(np.asarray(y_um, dtype=np.float32), ky)
        angle += phase
        waves = np.cos(angle, out=angle)  # (..., n_waves)
        # Not a BLAS product: its order of summation may depend on the number of threads.
        values: NDArray[np.float32] = np.einsum("...w,w->...", waves, amplitude)
        return values


def draw_field(rng: np.random.Generator, length_um: float, *, n_waves: int = 64) -> SmoothField:
    """Draw a field of mean 0 and variance 1.

    Args:
        rng: Where the waves come from.
        length_um: Correlation length: at this distance the correlation has fallen to exp(-1/2) = 0.61.
        n_waves: How many plane waves. With 64 the values are close to normally distributed.

    Raises:
        ConfigError: The length is not positive.
    """
    if not length_um > 0:
        raise ConfigError(f"the correlation length of a field must be positive, found {length_um} um")
    kx, ky = rng.normal(scale=1.0 / length_um, size=(2, n_waves))
    phase = rng.uniform(0.0, 2.0 * math.pi, size=n_waves)
    return SmoothField(kx, ky, phase, np.full(n_waves, math.sqrt(2.0 / n_waves)))


def blend(base: SmoothField, own: SmoothField, correlation: float) -> SmoothField:
    """Return a field of variance 1 whose correlation with `base` is `correlation`, given an independent field `own`.

    Raises:
        ConfigError: The correlation is outside -1..1.
    """
    if not -1.0 <= correlation <= 1.0:
        raise ConfigError(f"a correlation between fields must lie in -1..1, found {correlation}")
    parts = ((base, correlation), (own, math.sqrt(1.0 - correlation**2)))
    return SmoothField(
        np.concatenate([part.kx for part, _ in parts]),
        np.concatenate([part.ky for part, _ in parts]),
        np.concatenate([part.phase for part, _ in parts]),
        np.concatenate([part.amplitude * weight for part, weight in parts]),
    )
