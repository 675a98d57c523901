"""Where the cores of an array lie on its slide: a grid, a little untidy, with gaps."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from cartopath.core.geometry import RegionPx0, SizePx0
from cartopath.core.rng import stream
from cartopath.simulate.tissue_array.identity import CoreIdentity
from cartopath.simulate.tissue_array.section import MARGIN
from cartopath.simulate.tissue_array.spec import ArraySpec
from cartopath.simulate.tissue_array.style import ArrayStyle


@dataclass(frozen=True, slots=True)
class PlacedCore:
    """A core on a slide.

    Attributes:
        identity: Which core.
        row: Of the grid, from the top.
        col: Of the grid, from the left.
        square_px0: The square that the core is drawn on, its diameter and a margin.
        is_missing: Whether the core was lost in this section.
    """

    identity: CoreIdentity
    row: int
    col: int
    square_px0: RegionPx0
    is_missing: bool


def n_columns(n_cores: int) -> int:
    """Return how many columns a grid of so many cores has: at most one more than it has rows.

    >>> n_columns(12), n_columns(24)
    (4, 5)
    """
    return max(1, math.ceil(math.sqrt(n_cores)))


def place_cores(identities: list[CoreIdentity], spec: ArraySpec, style: ArrayStyle) -> tuple[SizePx0, list[PlacedCore]]:
    """Return the size of the slide of a style and where each core lies on it, row by row."""
    n_cols = n_columns(len(identities))
    n_rows = math.ceil(len(identities) / n_cols)
    rng = stream(spec.seed, "array layout", spec.name, style.name)
    jitter = np.clip(rng.normal(scale=spec.jitter_um or 0.0, size=(len(identities), 2)), *_reach(spec))
    lost = _lost(rng, len(identities), n_cols, spec.missing)
    width, height = n_cols * spec.distance_um, n_rows * spec.distance_um
    margin = 0.5 * spec.distance_um + abs(math.sin(math.radians(spec.tilt_deg))) * max(width, height) / 2
    middle = (margin + width / 2, margin + height / 2)
    cosine, sine = math.cos(math.radians(spec.tilt_deg)), math.sin(math.radians(spec.tilt_deg))
    side = round(MARGIN * spec.core_um / style.mpp)
    placed = []
    for number, identity in enumerate(identities):
        row, col = divmod(number, n_cols)
        right = (col + 0.5) * spec.distance_um - width / 2 + jitter[number, 0]
        down = (row + 0.5) * spec.distance_um - height / 2 + jitter[number, 1]
        x = round((middle[0] + cosine * right - sine * down) / style.mpp - side / 2)
        y = round((middle[1] + sine * right + cosine * down) / style.mpp - side / 2)
        placed.append(PlacedCore(identity, row, col, RegionPx0(x, y, side, side), bool(lost[number])))
    return SizePx0(round(2 * middle[0] / style.mpp), round(2 * middle[1] / style.mpp)), placed


def _reach(spec: ArraySpec) -> tuple[float, float]:
    """How far a core can be off its place without touching the next one's square."""
    room = max(0.0, (spec.distance_um - MARGIN * spec.core_um) / 2)
    return -room, room


def _lost(rng: np.random.Generator, n_cores: int, n_cols: int, share: float) -> np.ndarray:
    """Which cores are lost, never a whole outer row or column: nobody could number what is left."""
    row, col = np.divmod(np.arange(n_cores), n_cols)
    edges = [row == 0, row == row.max(), col == 0, col == col.max()]
    lost = np.zeros(n_cores, bool)
    for number in rng.permutation(n_cores)[: round(share * n_cores)]:
        lost[number] = True
        if any(lost[edge].all() for edge in edges):
            lost[number] = False
    return lost
