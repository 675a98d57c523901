"""What nuclei look like: small pictures of every kind in every direction, made once per resolution and stamped onto slides."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cartopath.core.rng import stream

N_DIRECTIONS = 16
N_VARIANTS = 8


@dataclass(frozen=True, slots=True)
class NucleusKind:
    """The look of one kind of nucleus.

    Attributes:
        name: What it is called.
        radius_um: Smallest and largest mean radius.
        elongation: Smallest and largest ratio of the long axis to the short one.
        density: Amount of haematoxylin inside.
        rim: Extra haematoxylin along the nuclear membrane.
        chromatin: How uneven the inside is.
        nucleoli: How many nucleoli at most.
        halo_um: Width of a clear ring around it, as fixation leaves around lymphocytes.
    """

    name: str
    radius_um: tuple[float, float]
    elongation: tuple[float, float]
    density: float
    rim: float
    chromatin: float
    nucleoli: int
    halo_um: float = 0.0


EPITHELIAL = NucleusKind("epithelial", (3.2, 5.2), (1.05, 1.5), 0.58, 0.24, 0.30, 2)
HYPERCHROMATIC = NucleusKind("hyperchromatic", (3.2, 4.5), (1.05, 1.6), 0.95, 0.12, 0.16, 0)
VESICULAR = NucleusKind("vesicular", (5.0, 6.6), (1.05, 1.35), 0.27, 0.34, 0.34, 2)
LYMPHOCYTE = NucleusKind("lymphocyte", (2.2, 2.8), (1.0, 1.12), 1.45, 0.05, 0.20, 0, halo_um=0.9)
SPINDLE = NucleusKind("spindle", (2.5, 3.4), (2.4, 4.2), 0.74, 0.20, 0.22, 0)
LONG_SPINDLE = NucleusKind("long spindle", (3.4, 4.4), (3.4, 5.2), 0.78, 0.20, 0.18, 0)
VESICULAR_SPINDLE = NucleusKind("vesicular spindle", (4.9, 6.2), (2.8, 3.8), 0.29, 0.34, 0.32, 2)
KINDS = (EPITHELIAL, HYPERCHROMATIC, VESICULAR, LYMPHOCYTE, SPINDLE, LONG_SPINDLE, VESICULAR_SPINDLE)


@dataclass(frozen=True, eq=False, slots=True)
class Stamps:
    """Pictures of one kind of nucleus.

    Attributes:
        clear: How much of what lies below shows through, 0..1, float32 (N_DIRECTIONS, N_VARIANTS, side, side).
        haematoxylin: The haematoxylin of the nucleus, same shape.
        half: (side - 1) / 2, pixels from the middle to the edge.
    """

    clear: NDArray[np.float32]
    haematoxylin: NDArray[np.float32]
    half: int


@lru_cache(maxsize=64)
def stamps(kind: NucleusKind, mpp: float) -> Stamps:
    """Return the pictures of a kind at `mpp` micrometres per pixel; always the same ones."""
    longest = kind.radius_um[1] * math.sqrt(kind.elongation[1]) * 1.15 + kind.halo_um + 1.2
    half = math.ceil(longest / mpp)
    shape = (N_DIRECTIONS, N_VARIANTS, 2 * half + 1, 2 * half + 1)
    clear, haematoxylin = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for direction in range(N_DIRECTIONS):
        for variant in range(N_VARIANTS):
            rng = stream(0, "nucleus", kind.name, direction, variant)
            picture = _draw(rng, kind, half, mpp, math.pi * direction / N_DIRECTIONS)
            clear[direction, variant], haematoxylin[direction, variant] = picture
    return Stamps(clear, haematoxylin, half)


def _draw(
    rng: np.random.Generator, kind: NucleusKind, half: int, mpp: float, angle: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    radius, elongation = rng.uniform(*kind.radius_um), rng.uniform(*kind.elongation)
    wave_2, wave_3 = rng.normal(scale=0.035, size=2)
    turn_2, turn_3 = rng.uniform(0, 2 * math.pi, size=2)
    axis = np.arange(-half, half + 1) * mpp
    x = math.cos(angle) * axis[None, :] + math.sin(angle) * axis[:, None]
    y = -math.sin(angle) * axis[None, :] + math.cos(angle) * axis[:, None]
    scaled_x, scaled_y = x / math.sqrt(elongation), y * math.sqrt(elongation)
    polar = np.arctan2(scaled_y, scaled_x)
    outline = radius * (1 + wave_2 * np.cos(2 * polar + turn_2) + wave_3 * np.cos(3 * polar + turn_3))
    # The squeezed distance overstates the short side: divide by the local stretch so that edges are equally soft all round.
    squeezed = np.hypot(scaled_x, scaled_y)
    stretch = np.hypot(scaled_x / math.sqrt(elongation), scaled_y * math.sqrt(elongation)) / np.maximum(squeezed, 1e-6)
    depth = (outline - squeezed) / np.maximum(stretch, 0.5)
    cover = 1 / (1 + np.exp(-depth / (0.22 + 0.18 * mpp)))
    inside = kind.density * (1 + kind.chromatin * _chromatin(rng, 2 * half + 1, mpp))
    inside += kind.rim * np.exp(-(((depth - 0.5) / 0.65) ** 2))
    for _ in range(rng.integers(kind.nucleoli + 1)):
        away, towards = rng.uniform(0, 0.45) * radius, rng.uniform(0, 2 * math.pi)
        distance = np.hypot(scaled_x - away * math.cos(towards), scaled_y - away * math.sin(towards))
        inside += 0.55 * np.exp(-((distance / 1.0) ** 2))
    clear = 1 / (1 + np.exp((depth + kind.halo_um) / (0.22 + 0.18 * mpp)))
    return clear.astype(np.float32), (cover * np.clip(inside, 0.05, None)).astype(np.float32)


def _chromatin(rng: np.random.Generator, side: int, mpp: float) -> NDArray[np.float64]:
    noise: NDArray[np.float64] = ndimage.gaussian_filter(rng.standard_normal((side, side)), 0.7 / mpp, mode="wrap")
    return noise / max(float(noise.std()), 1e-9)
