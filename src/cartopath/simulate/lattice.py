"""A coarse lattice around a region, on which slow things are computed before they are enlarged to its pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartopath.core.geometry import RegionPx0
from cartopath.simulate.fields import Floats

Plane = NDArray[np.float32]


@dataclass(frozen=True, eq=False, slots=True)
class Lattice:
    """Points every `pitch_um` in x and y that cover a region and a few steps around it.

    Their coordinates are multiples of the pitch, so lattices of neighbouring regions share their points.

    Attributes:
        region: What they cover.
        mpp: Micrometres per level-0 pixel.
        pitch_um: Their distance.
        x_um: Their columns.
        y_um: Their rows.
    """

    region: RegionPx0
    mpp: float
    pitch_um: float
    x_um: Floats
    y_um: Floats

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and columns of the lattice."""
        return len(self.y_um), len(self.x_um)

    def enlarge(self, values: NDArray[np.floating]) -> Plane:
        """Interpolate values on the lattice, (n_y, n_x), linearly to the pixels of the region, float32 (height, width)."""
        columns = self._interpolate(np.ascontiguousarray(values.T, np.float32), self.x_um[0], self.region.x, self.region.width)
        return self._interpolate(np.ascontiguousarray(columns.T), self.y_um[0], self.region.y, self.region.height)

    def _interpolate(self, rows: Plane, first_um: float, start_px0: int, length: int) -> Plane:
        """Interpolate between rows, which is quick because they are contiguous."""
        position = ((start_px0 + np.arange(length) + 0.5) * self.mpp - first_um) / self.pitch_um
        below = np.floor(position).astype(np.intp)
        weight = (position - below).astype(np.float32)[:, None]
        result: Plane = np.take(rows[1:] - rows[:-1], below, axis=0)
        result *= weight
        result += np.take(rows, below, axis=0)
        return result


def lattice_around(region: RegionPx0, mpp: float, pitch_um: float) -> Lattice:
    """Return the lattice of this pitch that covers a region with at least three steps to spare."""

    def axis(start: int, length: int) -> Floats:
        first = math.floor(start * mpp / pitch_um) - 3
        last = math.ceil((start + length) * mpp / pitch_um) + 3
        return np.arange(first, last + 1) * pitch_um

    return Lattice(region, mpp, pitch_um, axis(region.x, region.width), axis(region.y, region.height))
