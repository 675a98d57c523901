"""Where there is tissue on a simulated slide and of which kind: outline, nests, stroma, fat, the run of the fibres."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartopath.core.geometry import SizeUm
from cartopath.simulate.fields import Floats, SmoothField, draw_field

_LATTICE_UM = 8.0
_LATTICE_MAX = 512


@dataclass(frozen=True, eq=False, slots=True)
class Tissue:
    """The layout of one slide, as functions of physical coordinates.

    Attributes:
        size_um: Size of the slide.
        extent: Half-axes of the tissue as a share of the slide's half-size, about 0.9.
        wobble_um: How far the outline strays from a rounded rectangle.
        outline: Slow field that bends the outline.
        edge: Quick field that frays it.
        nests: Field whose high values are epithelial nests.
        nest_level: Nests are where `nests` exceeds this.
        septa: Field along whose zeros strands of stroma divide the nests.
        septum: Half the width of the strands, in units of that field.
        fat: Field whose high values are fat.
        fat_level: Fat is where `fat` exceeds this.
        swirl: Two fields that bend the fibres.
        fibre_angle: Direction of the fibres before bending, radians.
        clefts: How much of the stroma is torn, as a level of a texture of mean 0 and variance 1.
        cohesion: From -1, cells apart with pale gaps, to 1, cells joined by visible membranes.
    """

    size_um: SizeUm
    extent: float
    wobble_um: float
    outline: SmoothField
    edge: SmoothField
    nests: SmoothField
    nest_level: float
    septa: SmoothField
    septum: float
    fat: SmoothField
    fat_level: float
    swirl: tuple[SmoothField, SmoothField]
    fibre_angle: float
    clefts: float
    cohesion: float

    def depth_um(self, x_um: Floats, y_um: Floats) -> NDArray[np.float32]:
        """Return about how far inside the outline each point of the grid lies, um, float32 (n_y, n_x); glass is negative."""
        half_x, half_y = self.size_um.width / 2, self.size_um.height / 2
        px = np.abs(np.asarray(x_um) - half_x) / half_x
        py = np.abs(np.asarray(y_um) - half_y) / half_y
        radius = (px[None, :] ** 3 + py[:, None] ** 3) ** (1 / 3)
        depth = (self.extent - radius) * min(half_x, half_y)
        depth += self.wobble_um * self.outline.on_grid(x_um, y_um) + 3.0 * self.edge.on_grid(x_um, y_um)
        border = np.minimum((1 - px)[None, :] * half_x, (1 - py)[:, None] * half_y) - 0.012 * min(half_x, half_y)
        limited: NDArray[np.float32] = np.minimum(depth, border).astype(np.float32)
        return limited

    def nest(self, x_um: Floats, y_um: Floats) -> NDArray[np.float32]:
        """Return how epithelial each point is, 0 in stroma to 1 in a nest, float32 (n_y, n_x)."""
        return self._nest(*(field.on_grid(x_um, y_um) for field in (self.nests, self.septa, self.fat)))

    def nest_at(self, x_um: Floats, y_um: Floats) -> NDArray[np.float32]:
        """Return the same at points."""
        return self._nest(*(field.at(x_um, y_um) for field in (self.nests, self.septa, self.fat)))

    def _nest(self, nests: Floats, septa: Floats, fat: Floats) -> NDArray[np.float32]:
        depth = np.minimum(nests - self.nest_level, np.abs(septa) - self.septum)
        depth = np.minimum(depth, 2.0 * (self.fat_level - fat) - 0.1)
        degree: NDArray[np.float32] = np.clip(0.5 + depth / 0.10, 0.0, 1.0).astype(np.float32)
        return degree

    def fatty(self, x_um: Floats, y_um: Floats) -> NDArray[np.bool_]:
        """Return where fat lies, bool (n_y, n_x)."""
        return self.fat.on_grid(x_um, y_um) > self.fat_level

    def solid(self, x_um: Floats, y_um: Floats) -> NDArray[np.bool_]:
        """Return where there is tissue that can carry a trait: inside the outline and not fat, bool (n_y, n_x)."""
        return (self.depth_um(x_um, y_um) > 0) & ~self.fatty(x_um, y_um)

    def fibre_coordinates(self, x_um: Floats, y_um: Floats) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return coordinates along and across the bent fibres, um, both float32 (n_y, n_x).

        The fields of the nests and septa are part of the coordinate across, so that fibres run around nests and along strands.
        """
        cosine, sine = math.cos(self.fibre_angle), math.sin(self.fibre_angle)
        x, y = np.asarray(x_um)[None, :], np.asarray(y_um)[:, None]
        along = cosine * x + sine * y + 40.0 * self.swirl[0].on_grid(x_um, y_um)
        across = 0.8 * (cosine * y - sine * x) + 38.0 * self.swirl[1].on_grid(x_um, y_um)
        across += 13.0 * self.nests.on_grid(x_um, y_um) + 24.0 * self.septa.on_grid(x_um, y_um)
        return along.astype(np.float32), across.astype(np.float32)

    def fibre_angle_at(self, x_um: Floats, y_um: Floats) -> Floats:
        """Return the direction of the fibres at points, radians, from x towards y, as sampled every 6 um."""
        if len(x_um) == 0:
            return np.zeros(0)
        step = 6.0  # Multiples of it, so that the answer does not depend on which points are asked for together.
        grid_x, grid_y = (np.arange(np.min(at) // step - 2, np.max(at) // step + 4) * step for at in (x_um, y_um))
        across = self.fibre_coordinates(grid_x, grid_y)[1]
        slope_y, slope_x = np.gradient(across, step, axis=0), np.gradient(across, step, axis=1)
        row = np.round((y_um - grid_y[0]) / step).astype(int)
        column = np.round((x_um - grid_x[0]) / step).astype(int)
        angle: Floats = np.arctan2(-slope_x[row, column], slope_y[row, column])
        return angle

    def lattice(self) -> tuple[Floats, Floats]:
        """Return the x and y, um, of a regular lattice over the slide on which shares of its area are measured."""
        n_x = min(_LATTICE_MAX, max(8, round(self.size_um.width / _LATTICE_UM)))
        n_y = min(_LATTICE_MAX, max(8, round(self.size_um.height / _LATTICE_UM)))
        return (np.arange(n_x) + 0.5) * (self.size_um.width / n_x), (np.arange(n_y) + 0.5) * (self.size_um.height / n_y)


def draw_tissue(rng: np.random.Generator, size_um: SizeUm) -> Tissue:
    """Draw the layout of a slide of this size."""
    nest_share = rng.uniform(0.65, 0.9)
    fat_share = rng.uniform(0.0, 0.09)
    return Tissue(
        size_um=size_um,
        extent=float(rng.uniform(0.9, 0.97)),
        wobble_um=float(0.035 * min(size_um.width, size_um.height)),
        outline=draw_field(rng, 0.16 * min(size_um.width, size_um.height)),
        edge=draw_field(rng, 14.0),
        nests=draw_field(rng, float(rng.uniform(45.0, 75.0))),
        nest_level=_normal_quantile(1 - nest_share),
        septa=draw_field(rng, float(rng.uniform(45.0, 80.0))),
        septum=float(rng.uniform(0.04, 0.22)),
        fat=draw_field(rng, 90.0),
        fat_level=_normal_quantile(1 - fat_share),
        swirl=(draw_field(rng, 190.0), draw_field(rng, 150.0)),
        fibre_angle=float(rng.uniform(0, math.pi)),
        clefts=float(rng.uniform(1.5, 2.3)),
        cohesion=float(rng.uniform(-1.0, 0.8)),
    )


def _normal_quantile(share: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(min(max(share, 1e-6), 1 - 1e-6))
