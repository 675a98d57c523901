"""Periodic textures, made once per resolution: fibres, grain of cytoplasm, blotches."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from cartopath.core.rng import stream

PERIOD_PX = 1024


@dataclass(frozen=True, eq=False, slots=True)
class Textures:
    """Textures of mean 0 and variance 1, float32 (PERIOD_PX, PERIOD_PX), that wrap around at every edge.

    Attributes:
        fibres: Fine fibres that run along the rows.
        bundles: Coarser bundles along the rows, of which the highest values become clefts.
        grain: Grain of cytoplasm.
        blotches: Uneven staining over some ten micrometres.
    """

    fibres: NDArray[np.float32]
    bundles: NDArray[np.float32]
    grain: NDArray[np.float32]
    blotches: NDArray[np.float32]


@lru_cache(maxsize=4)
def textures(mpp: float) -> Textures:
    """Return the textures for slides of `mpp` micrometres per pixel; always the same ones."""
    fine = _texture("fine fibres", mpp, along_um=14.0, across_um=0.6)
    coarse = _texture("coarse fibres", mpp, along_um=45.0, across_um=2.6)
    return Textures(
        fibres=_standard(1.0 * fine + coarse),
        bundles=_texture("bundles", mpp, along_um=30.0, across_um=4.0),
        grain=_standard(
            0.45 * _texture("fine grain", mpp, along_um=0.5, across_um=0.5) + _texture("grain", mpp, along_um=1.6, across_um=1.6)
        ),
        blotches=_texture("blotches", mpp, along_um=7.0, across_um=7.0),
    )


def _texture(name: str, mpp: float, *, along_um: float, across_um: float) -> NDArray[np.float32]:
    """White noise through an anisotropic Gaussian filter, made in the Fourier plane so that it wraps around."""
    noise = stream(0, "texture", name).standard_normal((PERIOD_PX, PERIOD_PX), dtype=np.float32)
    down = fft.fftfreq(PERIOD_PX) * 2 * np.pi / mpp  # 1/um
    right = fft.rfftfreq(PERIOD_PX) * 2 * np.pi / mpp
    response = np.exp(-0.5 * (down * across_um) ** 2)[:, None] * np.exp(-0.5 * (right * along_um) ** 2)[None, :]
    return _standard(fft.irfft2(fft.rfft2(noise) * response.astype(np.float32), s=noise.shape))


def _standard(values: NDArray[np.floating]) -> NDArray[np.float32]:
    standard: NDArray[np.float32] = ((values - values.mean()) / values.std()).astype(np.float32)
    return standard
