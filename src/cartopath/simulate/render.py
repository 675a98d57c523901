"""Drawing any rectangle of a simulated slide. The result does not depend on how a slide is divided into rectangles."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cartopath.core.geometry import RegionPx0
from cartopath.simulate.cells import Cells, cells_within
from cartopath.simulate.fat import empty_fat
from cartopath.simulate.fields import Floats
from cartopath.simulate.lattice import Lattice, Plane, lattice_around
from cartopath.simulate.nuclei import KINDS, stamps
from cartopath.simulate.specimen import Specimen
from cartopath.simulate.textures import PERIOD_PX, textures

_COARSE_UM = 4.0
# Nuclei farther from a region than this cannot be seen in it: longest half-axis, or lattice margin and reach of a cell.
_HALO_UM = 18.0
_CELL_REACH_UM = 13


def render_region(specimen: Specimen, region: RegionPx0) -> NDArray[np.uint8]:
    """Draw a rectangle of a slide, in level-0 pixels.

    Returns:
        RGB, uint8 (height, width, 3). Beyond the slide there is glass.
    """
    if specimen.blur_um > 0:
        return _render_blurred(specimen, region)
    slow = lattice_around(region, specimen.mpp, _COARSE_UM)
    depth = specimen.tissue.depth_um(slow.x_um, slow.y_um)
    if depth.max() < -6.0:
        glass = np.round(specimen.stain.white).astype(np.uint8)
        return np.broadcast_to(glass, (region.height, region.width, 3)).copy()
    haematoxylin, eosin = _stains(specimen, region, slow, depth)
    return specimen.stain.colour(haematoxylin, eosin)


def _render_blurred(specimen: Specimen, region: RegionPx0) -> NDArray[np.uint8]:
    sigma = specimen.blur_um / specimen.mpp
    halo = math.ceil(4 * sigma)
    wide = RegionPx0(region.x - halo, region.y - halo, region.width + 2 * halo, region.height + 2 * halo)
    sharp = render_region(replace(specimen, blur_um=0.0), wide).astype(np.float32)
    blurred = ndimage.gaussian_filter(sharp, (sigma, sigma, 0), truncate=4.0)
    picture: NDArray[np.uint8] = np.round(blurred[halo:-halo, halo:-halo]).astype(np.uint8)
    return picture


def _stains(specimen: Specimen, region: RegionPx0, slow: Lattice, depth: Plane) -> tuple[Plane, Plane]:
    """Amounts of haematoxylin and eosin at every pixel."""
    nested = slow.enlarge(specimen.tissue.nest(slow.x_um, slow.y_um))
    fibres, bundles = _fibres(specimen, slow)
    cells = _cells(specimen, region)
    eosin, haematoxylin = _ground(specimen, region, slow, cells, nested, fibres)
    # What is torn or was fat is empty, nuclei included.
    torn = np.clip((bundles - specimen.tissue.clefts - 1.1 * nested) / 0.4, 0, 1)
    solid: Plane = (1 - torn).astype(np.float32, copy=False)
    empty_fat(specimen, region, solid, eosin)
    cover, chromatin = _stamp(specimen, region, cells)
    haematoxylin *= 1 - cover
    haematoxylin += chromatin
    eosin *= 1 - 0.55 * cover
    solid *= np.clip((slow.enlarge(depth) + 1.2 * fibres) / 1.5 + 0.5, 0, 1)
    haematoxylin *= solid
    eosin *= solid
    return haematoxylin, np.maximum(eosin, 0, out=eosin)


def _fibres(specimen: Specimen, slow: Lattice) -> tuple[Plane, Plane]:
    """The textures of fibres and of bundles, bent along the run of the fibres."""
    along, across = specimen.tissue.fibre_coordinates(slow.x_um, slow.y_um)
    mpp, bank = np.float32(specimen.mpp), textures(specimen.mpp)
    index = (slow.enlarge(across) / mpp).astype(np.int32) & (PERIOD_PX - 1)
    index *= PERIOD_PX
    index += (slow.enlarge(along) / mpp).astype(np.int32) & (PERIOD_PX - 1)
    return bank.fibres.ravel()[index], bank.bundles.ravel()[index]


def _ground(
    specimen: Specimen, region: RegionPx0, slow: Lattice, cells: Cells, nested: Plane, fibres: Plane
) -> tuple[Plane, Plane]:
    """Eosin and haematoxylin of everything but nuclei.

    Stroma: eosin along fibres. Nests: granular cytoplasm with some haematoxylin, and membranes or gaps between the cells.
    """
    bank = textures(specimen.mpp)
    grain, blotches = _window(bank.grain, region), _window(bank.blotches, region)
    nearest, margin = _cell_distances(specimen, region, cells)
    cytoplasm = 1.0 + 0.17 * grain + 0.11 * blotches
    cytoplasm -= 0.32 * np.clip((nearest - 5.0) / 6.0, 0, 1)
    cytoplasm += (0.42 * specimen.tissue.cohesion - 0.12) * np.exp(-(margin**2))
    cytoplasm *= nested
    in_stroma = 1 - nested
    eosinophilic, fibrous = _trait_effects(specimen, slow)
    eosin = in_stroma * (0.62 + 0.19 * fibres + 0.04 * grain + 0.05 * blotches)
    eosin += 0.50 * cytoplasm
    matrix = slow.enlarge(fibrous)
    eosin += matrix * fibres * (0.08 + 0.14 * nested)
    eosin *= slow.enlarge(eosinophilic)
    haematoxylin = in_stroma * (0.10 + 0.03 * blotches + 0.02 * fibres)
    haematoxylin += 0.20 * cytoplasm + 0.14 * matrix
    return eosin, haematoxylin


def _window(texture: Plane, region: RegionPx0) -> Plane:
    """The part of a periodic texture that covers a region."""
    row, column = region.y % PERIOD_PX, region.x % PERIOD_PX
    if row + region.height <= PERIOD_PX and column + region.width <= PERIOD_PX:
        return texture[row : row + region.height, column : column + region.width]
    rows, columns = np.arange(row, row + region.height) % PERIOD_PX, np.arange(column, column + region.width) % PERIOD_PX
    return texture[rows[:, None], columns[None, :]]


def _trait_effects(specimen: Specimen, slow: Lattice) -> tuple[Plane, Plane]:
    """Factor on eosin (trait 1) and strength of the fibrous matrix (trait 3), on the slow lattice, softened at the borders."""
    positive = [trait.on_grid(slow.x_um, slow.y_um).astype(np.float32) for trait in specimen.traits]
    positive += [np.zeros(slow.shape, np.float32)] * (4 - len(positive))
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
    grid = lattice_around(region, specimen.mpp, 1.0)
    first, second = _two_nearest(grid, cells.x_um, cells.y_um, _CELL_REACH_UM)
    return grid.enlarge(first), grid.enlarge(second - first)


def _two_nearest(grid: Lattice, x_um: Floats, y_um: Floats, reach: int) -> tuple[Plane, Plane]:
    """Distances to the nearest and second nearest of some points on a lattice, at most about `reach` steps of it."""
    # Points up to `reach` beyond the lattice count, and their stamps reach as far again.
    shape = (len(grid.y_um) + 4 * reach, len(grid.x_um) + 4 * reach)
    first = np.full(shape, reach * grid.pitch_um, np.float32)
    second = np.full(shape, 1.4 * reach * grid.pitch_um, np.float32)
    axis = np.arange(-reach, reach + 1)
    stamp = (np.hypot(axis[:, None], axis[None, :]) * grid.pitch_um).astype(np.float32)
    columns = np.round((x_um - grid.x_um[0]) / grid.pitch_um).astype(int) + reach
    rows = np.round((y_um - grid.y_um[0]) / grid.pitch_um).astype(int) + reach
    side = 2 * reach + 1
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        if not (0 <= row <= shape[0] - side and 0 <= column <= shape[1] - side):
            continue
        here = (slice(row, row + side), slice(column, column + side))
        np.minimum(second[here], np.maximum(first[here], stamp), out=second[here])
        np.minimum(first[here], stamp, out=first[here])
    inner = slice(2 * reach, -2 * reach)
    return first[inner, inner], second[inner, inner]


def _stamp(specimen: Specimen, region: RegionPx0, cells: Cells) -> tuple[Plane, Plane]:
    """Paint the nuclei: how much each pixel is covered, and the haematoxylin."""
    banks = [stamps(kind, specimen.mpp) for kind in KINDS]
    pad = 2 * max(bank.half for bank in banks)
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
