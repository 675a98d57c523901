"""Drawing any rectangle of a simulated slide. The result does not depend on how a slide is divided into rectangles."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from scipy.spatial import cKDTree

from cartopath.core.geometry import RegionPx0
from cartopath.simulate.cells import Cells, cells_within, lattice_sites
from cartopath.simulate.fields import Floats
from cartopath.simulate.nuclei import KINDS, stamps
from cartopath.simulate.specimen import Specimen
from cartopath.simulate.textures import PERIOD_PX, textures

Plane = NDArray[np.float32]

_COARSE_UM = 4.0
_HALO_UM = 16.0
_FAT_PITCH_UM = 52.0
_FAT_LATTICE_UM = 2.0
_CELL_REACH_UM = 13


@dataclass(frozen=True, eq=False, slots=True)
class _Grid:
    """A coarse lattice around a region, on which slow things are computed before they are enlarged."""

    region: RegionPx0
    mpp: float
    pitch_um: float
    x_um: Floats
    y_um: Floats

    def enlarge(self, values: Plane) -> Plane:
        """Interpolate values on the lattice to the pixels of the region."""
        left = (self.region.x * self.mpp - self.x_um[0]) / self.pitch_um + 0.5
        top = (self.region.y * self.mpp - self.y_um[0]) / self.pitch_um + 0.5
        right, bottom = left + self.region.width * self.mpp / self.pitch_um, top + self.region.height * self.mpp / self.pitch_um
        size, box = (self.region.width, self.region.height), (left, top, right, bottom)
        image = Image.fromarray(np.ascontiguousarray(values, np.float32))
        return np.array(image.resize(size, Image.Resampling.BILINEAR, box=box))


def _grid(region: RegionPx0, mpp: float, pitch_um: float) -> _Grid:
    def axis(start: int, length: int) -> Floats:
        first = math.floor((start * mpp - 4 * pitch_um) / pitch_um)
        last = math.ceil(((start + length) * mpp + 4 * pitch_um) / pitch_um)
        return np.arange(first, last + 1) * pitch_um

    return _Grid(region, mpp, pitch_um, axis(region.x, region.width), axis(region.y, region.height))


def render_region(specimen: Specimen, region: RegionPx0) -> NDArray[np.uint8]:
    """Draw a rectangle of a slide, in level-0 pixels.

    Returns:
        RGB, uint8 (height, width, 3). Beyond the slide there is glass.
    """
    if specimen.blur_um > 0:
        return _render_blurred(specimen, region)
    slow = _grid(region, specimen.mpp, _COARSE_UM)
    depth = specimen.tissue.depth_um(slow.x_um, slow.y_um)
    if depth.max() < -6.0:
        glass = np.round(specimen.stain.white).astype(np.uint8)
        return np.broadcast_to(glass, (region.height, region.width, 3)).copy()
    haematoxylin, eosin = _stains(specimen, region, slow, depth)
    return specimen.stain.colour(haematoxylin, eosin)


def _render_blurred(specimen: Specimen, region: RegionPx0) -> NDArray[np.uint8]:
    from dataclasses import replace

    sigma = specimen.blur_um / specimen.mpp
    halo = math.ceil(4 * sigma)
    wide = RegionPx0(region.x - halo, region.y - halo, region.width + 2 * halo, region.height + 2 * halo)
    sharp = render_region(replace(specimen, blur_um=0.0), wide).astype(np.float32)
    blurred = ndimage.gaussian_filter(sharp, (sigma, sigma, 0), truncate=4.0)
    return np.round(blurred[halo:-halo, halo:-halo]).astype(np.uint8)


def _stains(specimen: Specimen, region: RegionPx0, slow: _Grid, depth: Plane) -> tuple[Plane, Plane]:
    """Amounts of haematoxylin and eosin at every pixel."""
    tissue, bank = specimen.tissue, textures(specimen.mpp)
    nest = tissue.nest(slow.x_um, slow.y_um)
    along, across = tissue.fibre_coordinates(slow.x_um, slow.y_um)
    eosinophilic, fibrous = _trait_effects(specimen, slow)
    cells = _cells(specimen, region)
    nearest, margin = _cell_distances(specimen, region, cells)

    column = (slow.enlarge(along) / np.float32(specimen.mpp)).astype(np.int32) & (PERIOD_PX - 1)
    row = (slow.enlarge(across) / np.float32(specimen.mpp)).astype(np.int32) & (PERIOD_PX - 1)
    flat = row * PERIOD_PX + column
    fibres = bank.fibres.ravel()[flat]
    bundles = bank.bundles.ravel()[flat]
    grain, blotches = _window(bank.grain, region), _window(bank.blotches, region)

    nested = slow.enlarge(nest)
    fibrousness = slow.enlarge(fibrous)
    in_stroma = 1 - nested
    # Stroma: eosin along fibres. Nests: granular, a little haematoxylin, membranes or gaps between the cells.
    cytoplasm = 1.0 + 0.17 * grain + 0.11 * blotches
    cytoplasm -= 0.32 * np.clip((nearest - 5.0) / 6.0, 0, 1)
    between = np.exp(-((margin / 1.0) ** 2))
    cytoplasm += (0.42 * tissue.cohesion - 0.12) * between
    eosin = in_stroma * (0.62 + 0.19 * fibres + 0.04 * grain + 0.05 * blotches)
    eosin += nested * (0.50 * cytoplasm + 0.16 * fibrousness * fibres)
    eosin *= slow.enlarge(eosinophilic)
    haematoxylin = in_stroma * (0.10 + 0.03 * blotches + 0.02 * fibres) + nested * (0.20 * cytoplasm)

    torn = np.clip((bundles - tissue.clefts - 1.1 * nested) / 0.4, 0, 1)
    solid = 1 - torn
    _tear_fat(specimen, region, solid, eosin)
    haematoxylin *= solid
    eosin *= solid
    cover, chromatin = _stamp(specimen, region, cells)
    cover *= solid
    chromatin *= solid
    haematoxylin *= 1 - cover
    haematoxylin += chromatin
    eosin *= 1 - 0.55 * cover
    inside = slow.enlarge(depth) + 1.2 * fibres
    present = np.clip(inside / 1.5 + 0.5, 0, 1)
    return haematoxylin * present, np.maximum(eosin, 0) * present


def _window(texture: Plane, region: RegionPx0) -> Plane:
    rows = np.arange(region.y, region.y + region.height) % PERIOD_PX
    columns = np.arange(region.x, region.x + region.width) % PERIOD_PX
    return texture[rows[:, None], columns[None, :]]


def _trait_effects(specimen: Specimen, slow: _Grid) -> tuple[Plane, Plane]:
    """Factor on eosin (trait 1) and strength of the fibres in nests (trait 3), on the slow lattice, softened at the borders."""
    shape = (len(slow.y_um), len(slow.x_um))
    positive = [trait.on_grid(slow.x_um, slow.y_um).astype(np.float32) for trait in specimen.traits]
    positive += [np.zeros(shape, np.float32)] * (4 - len(positive))
    return 1 + 0.40 * ndimage.uniform_filter(positive[1], 3), ndimage.uniform_filter(positive[3], 3)


def _cells(specimen: Specimen, region: RegionPx0) -> Cells:
    mpp = specimen.mpp
    return cells_within(
        specimen,
        (region.x * mpp - _HALO_UM, (region.x + region.width) * mpp + _HALO_UM),
        (region.y * mpp - _HALO_UM, (region.y + region.height) * mpp + _HALO_UM),
    )


def _cell_distances(specimen: Specimen, region: RegionPx0, cells: Cells) -> tuple[Plane, Plane]:
    """Distance to the nearest nucleus and by how much the second nearest is farther, um: the latter vanishes between cells."""
    grid = _grid(region, specimen.mpp, 1.0)
    first, second = _two_nearest(grid, cells.x_um, cells.y_um, _CELL_REACH_UM)
    return grid.enlarge(first), grid.enlarge(second - first)


def _two_nearest(grid: _Grid, x_um: Floats, y_um: Floats, reach: int) -> tuple[Plane, Plane]:
    """Distances to the nearest and second nearest of some points on a lattice, at most about `reach` steps of it."""
    shape = (len(grid.y_um) + 2 * reach, len(grid.x_um) + 2 * reach)
    first = np.full(shape, reach * grid.pitch_um, np.float32)
    second = np.full(shape, 1.4 * reach * grid.pitch_um, np.float32)
    axis = np.arange(-reach, reach + 1)
    stamp = (np.hypot(axis[:, None], axis[None, :]) * grid.pitch_um).astype(np.float32)
    columns = np.round((x_um - grid.x_um[0]) / grid.pitch_um).astype(int)
    rows = np.round((y_um - grid.y_um[0]) / grid.pitch_um).astype(int)
    side = 2 * reach + 1
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        if not (0 <= row < shape[0] - 2 * reach and 0 <= column < shape[1] - 2 * reach):
            continue
        here = (slice(row, row + side), slice(column, column + side))
        np.minimum(second[here], np.maximum(first[here], stamp), out=second[here])
        np.minimum(first[here], stamp, out=first[here])
    return first[reach:-reach, reach:-reach], second[reach:-reach, reach:-reach]


def _tear_fat(specimen: Specimen, region: RegionPx0, solid: Plane, eosin: Plane) -> None:
    """Empty the vacuoles of fat cells in `solid` and leave little eosin around them; both are changed in place."""
    tissue, grid = specimen.tissue, _grid(region, specimen.mpp, _FAT_LATTICE_UM)
    x = (float(grid.x_um[0]) - 2 * _FAT_PITCH_UM, float(grid.x_um[-1]) + 2 * _FAT_PITCH_UM)
    y = (float(grid.y_um[0]) - 2 * _FAT_PITCH_UM, float(grid.y_um[-1]) + 2 * _FAT_PITCH_UM)
    middle_x, middle_y, chance, _ = lattice_sites(specimen, "fat", _FAT_PITCH_UM, x, y)
    fatty = tissue.fat.at(middle_x, middle_y) > tissue.fat_level
    if not fatty.any():
        return
    points = np.stack(np.meshgrid(grid.x_um, grid.y_um), axis=-1)
    distance, nearest = cKDTree(np.stack([middle_x, middle_y], axis=1)).query(points, k=2)
    radius = 21.0 + 7.0 * chance[:, 1]
    room = np.minimum((distance[..., 1] - distance[..., 0]) / 2 - 0.9, radius[nearest[..., 0]] - distance[..., 0])
    room[~fatty[nearest[..., 0]]] = -_FAT_LATTICE_UM
    around = np.clip((tissue.fat.on_grid(grid.x_um, grid.y_um) - tissue.fat_level) / 0.1, 0, 1)
    eosin *= 1 - 0.4 * grid.enlarge(around)
    solid *= 1 - np.clip(grid.enlarge(room.astype(np.float32)) / 0.9, 0, 1)


def _stamp(specimen: Specimen, region: RegionPx0, cells: Cells) -> tuple[Plane, Plane]:
    """Paint the nuclei: how much each pixel is covered, and the haematoxylin."""
    banks = [stamps(kind, specimen.mpp) for kind in KINDS]
    pad = max(bank.half for bank in banks) + 1
    clear = np.ones((region.height + 2 * pad, region.width + 2 * pad), np.float32)
    chromatin = np.zeros_like(clear)
    columns = np.round(cells.x_um / specimen.mpp).astype(int) - region.x + pad
    rows = np.round(cells.y_um / specimen.mpp).astype(int) - region.y + pad
    looks = (cells.kind.tolist(), cells.direction.tolist(), cells.variant.tolist(), cells.strength)
    for row, column, kind, direction, variant, strength in zip(rows.tolist(), columns.tolist(), *looks, strict=True):
        bank = banks[kind]
        top, left = row - bank.half, column - bank.half
        if top < 0 or left < 0 or row + bank.half >= clear.shape[0] or column + bank.half >= clear.shape[1]:
            continue
        here = (slice(top, row + bank.half + 1), slice(left, column + bank.half + 1))
        clear[here] *= bank.clear[direction, variant]
        chromatin[here] *= bank.clear[direction, variant]
        chromatin[here] += bank.haematoxylin[direction, variant] * strength
    return 1 - clear[pad:-pad, pad:-pad], chromatin[pad:-pad, pad:-pad]
