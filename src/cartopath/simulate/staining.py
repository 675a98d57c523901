"""From amounts of haematoxylin and eosin to colour, by the law of Beer and Lambert, as it differs between sites and slides."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from cartopath.core.rng import stream

# Unit vectors of optical density in R, G, B, close to those that stain separation finds on diagnostic slides.
_HAEMATOXYLIN = np.array([0.57, 0.74, 0.36])
_EOSIN = np.array([0.17, 0.87, 0.46])
_DENSITY_BITS = 9
_DENSITY_MAX = 3.0


@dataclass(frozen=True, slots=True)
class Stain:
    """How one slide was stained and scanned.

    Attributes:
        haematoxylin: Optical density in R, G, B of one unit of haematoxylin (natural logarithm).
        eosin: The same of eosin.
        white: R, G, B of empty glass, 0-255.
        gamma: Exponent of the scanner's tone curve on 0..1.
    """

    haematoxylin: tuple[float, float, float]
    eosin: tuple[float, float, float]
    white: tuple[float, float, float]
    gamma: float

    def colour(self, haematoxylin: NDArray[np.float32], eosin: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Return the picture of these amounts of stain, uint8 (h, w, 3).

        Args:
            haematoxylin: Amounts, float32 (h, w), 0 to about 3; changed in place.
            eosin: The same.
        """
        n = 1 << _DENSITY_BITS
        scale = np.float32((n - 1) / _DENSITY_MAX)
        for amount in (haematoxylin, eosin):
            np.multiply(amount, scale, out=amount)
            np.clip(amount, 0, n - 1, out=amount)
        index = haematoxylin.astype(np.int32)
        index <<= _DENSITY_BITS
        index += eosin.astype(np.int32)
        return _colour_table(self)[index]


@lru_cache(maxsize=8)
def _colour_table(stain: Stain) -> NDArray[np.uint8]:
    """Colours of all pairs of amounts, uint8 (n * n, 3)."""
    n = 1 << _DENSITY_BITS
    amount = np.arange(n) * (_DENSITY_MAX / (n - 1))
    density = amount[:, None, None] * np.array(stain.haematoxylin) + amount[None, :, None] * np.array(stain.eosin)
    light = np.exp(-density) ** stain.gamma * np.array(stain.white)
    table: NDArray[np.uint8] = np.round(light).astype(np.uint8).reshape(-1, 3)
    return table


def site_stain(seed: int, site: str, *, variation: float = 1.0) -> Stain:
    """Return the stain of a site.

    Args:
        seed: Seed of the cohort.
        site: Its name.
        variation: 0 gives every site the same stain, 1 differences as between hospitals.
    """
    rng = stream(seed, "site stain", site)
    return _vary(rng, variation, tilt=0.04, strength=0.16, warmth=5.0)


def slide_stain(stain: Stain, seed: int, slide_id: str, *, variation: float = 1.0) -> Stain:
    """Return the stain of one slide of a site: a little lighter or darker, a little bluer or redder."""
    rng = stream(seed, "slide stain", slide_id)
    blue, red = np.exp(rng.normal(scale=0.06 * variation, size=2))
    return Stain(_scaled(stain.haematoxylin, float(blue)), _scaled(stain.eosin, float(red)), stain.white, stain.gamma)


def _vary(rng: np.random.Generator, variation: float, *, tilt: float, strength: float, warmth: float) -> Stain:
    vectors = []
    for vector, amount in ((_HAEMATOXYLIN, 1.85), (_EOSIN, 1.12)):
        tilted = np.clip(vector + rng.normal(scale=tilt * variation, size=3), 0.05, None)
        gain = amount * float(np.exp(np.clip(rng.normal(), -1.8, 1.8) * strength * variation))
        vectors.append(_scaled(tuple(tilted / np.linalg.norm(tilted)), gain))
    white = np.clip(243.0 + rng.normal(scale=2.0 * variation) + rng.normal(scale=warmth / 2.5 * variation, size=3), 228, 252)
    gamma = float(np.exp(rng.normal(scale=0.06 * variation)))
    return Stain(vectors[0], vectors[1], (float(white[0]), float(white[1]), float(white[2])), gamma)


def _scaled(vector: tuple[float, ...], gain: float) -> tuple[float, float, float]:
    red, green, blue = (float(value) * gain for value in vector)
    return red, green, blue
