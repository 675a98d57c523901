"""Fat: large round vacuoles that the preparation has emptied, with thin walls between them."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from cartopath.core.geometry import RegionPx0
from cartopath.simulate.cells import lattice_sites
from cartopath.simulate.lattice import Lattice, Plane, lattice_around
from cartopath.simulate.specimen import Specimen

_PITCH_UM = 52.0
_LATTICE_UM = 2.0
_RADIUS_UM = (21.0, 28.0)
_WALL_UM = 1.8


def empty_fat(specimen: Specimen, region: RegionPx0, solid: Plane, eosin: Plane) -> None:
    """Empty the vacuoles of a region in `solid` and pale the eosin around them; both are changed in place."""
    tissue, lattice = specimen.tissue, lattice_around(region, specimen.mpp, _LATTICE_UM)
    x = (float(lattice.x_um[0]) - 2 * _PITCH_UM, float(lattice.x_um[-1]) + 2 * _PITCH_UM)
    y = (float(lattice.y_um[0]) - 2 * _PITCH_UM, float(lattice.y_um[-1]) + 2 * _PITCH_UM)
    middle_x, middle_y, chance, _ = lattice_sites(specimen, "fat", _PITCH_UM, x, y)
    middles = np.stack([middle_x, middle_y], axis=1)
    fatty = tissue.fat.at(middle_x, middle_y) > tissue.fat_level
    if not fatty.any():
        return
    room = _room_um(lattice, middles, fatty, _RADIUS_UM[0] + (_RADIUS_UM[1] - _RADIUS_UM[0]) * chance[:, 1])
    solid *= 1 - np.clip(lattice.enlarge(room), 0, 1)
    around = np.clip((tissue.fat.on_grid(lattice.x_um, lattice.y_um) - tissue.fat_level) / 0.1, 0, 1)
    eosin *= 1 - 0.4 * lattice.enlarge(around)


def _room_um(lattice: Lattice, middles: np.ndarray, fatty: np.ndarray, radius_um: np.ndarray) -> Plane:
    """How far inside a vacuole each point of the lattice lies, um; negative outside.

    A vacuole ends at its radius, or half a wall before the middle between it and its neighbour.
    """
    room = np.full(lattice.shape, -_LATTICE_UM, np.float32)
    near = [
        (axis > middles[fatty, i].min() - _RADIUS_UM[1]) & (axis < middles[fatty, i].max() + _RADIUS_UM[1])
        for i, axis in enumerate((lattice.x_um, lattice.y_um))
    ]
    if not (near[0].any() and near[1].any()):
        return room
    points = np.stack(np.meshgrid(lattice.x_um[near[0]], lattice.y_um[near[1]]), axis=-1)
    distance, nearest = cKDTree(middles).query(points, k=2)
    first, second, owner = distance[..., 0], distance[..., 1], nearest[..., 0]
    inside = np.minimum((second - first) / 2 - _WALL_UM / 2, radius_um[owner] - first)
    room[np.ix_(near[1], near[0])] = np.where(fatty[owner], inside, -_LATTICE_UM)
    return room
