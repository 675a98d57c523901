"""Finding the cores of a tissue microarray on its slide: components of tissue, on a grid that may have gaps. Imports no torch.

A core is numbered by its row and column, so that the same core of two sections meets by number, whatever was lost in between.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cartopath.core.errors import SlideError
from cartopath.core.geometry import RegionPx0
from cartopath.slides import Slide, tissue_mask

_PX_PER_CORE = 40
_MAX_THUMBNAIL_PX = 4096
_SMALLEST_SHARE = 0.15
_SLIMMEST, _WIDEST = 0.67, 1.45
_FIT_ROUNDS = 4

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ArrayCore:
    """A core on an array slide.

    Attributes:
        row: Of the grid, 0 for the uppermost that holds a core.
        col: Of the grid, 0 for the leftmost that holds a core.
        window_px0: A square of the size asked for, its middle on the middle of the core.
        tissue_um2: Area of the core.
    """

    row: int
    col: int
    window_px0: RegionPx0
    tissue_um2: float


@dataclass(frozen=True, eq=False, slots=True)
class ArrayGrid:
    """The cores that were found.

    Attributes:
        cores: Row by row, from the left.
        n_rows: Rows of the grid.
        n_cols: Columns.
        missing: Places (row, col) of the grid without a core.
        pitch_um: Distance of neighbouring cores along a row and along a column.
        tilt_deg: By how much the rows are turned, clockwise.
    """

    cores: tuple[ArrayCore, ...]
    n_rows: int
    n_cols: int
    missing: tuple[tuple[int, int], ...]
    pitch_um: tuple[float, float]
    tilt_deg: float


def find_cores(slide: Slide, *, core_um: float, window_um: float | None = None) -> ArrayGrid:
    """Find the cores of an array.

    Fragments of one core are taken together; what is smaller than about a seventh of a core is no core.

    Args:
        slide: The array.
        core_um: Diameter of a core.
        window_um: Side of the windows; a core's diameter if not given (800 um in Rawat et al. 2020).

    Raises:
        SlideError: There are no cores of this size, or two of them claim one place of the grid.
    """
    mask, px_um = _core_mask(slide, core_um)
    middles, areas = _components(slide, mask, px_um, core_um)
    if not len(middles):
        raise SlideError(f"{slide.path}: no cores of {core_um:g} um found; state their diameter in um, and check the slide's mpp")
    grid = _fit_grid(middles, areas, core_um)
    places, middles, areas = _together(grid.places(middles), middles, areas)
    _check_apart(slide, grid, places, middles, core_um)
    places = places - places.min(axis=0)
    n_rows, n_cols = (int(value) + 1 for value in places.max(axis=0))
    side = max(1, round((window_um or core_um) / slide.mpp))
    order = np.lexsort((places[:, 1], places[:, 0]))
    cores = tuple(
        ArrayCore(int(places[i, 0]), int(places[i, 1]), _square(middles[i] / slide.mpp, side), float(areas[i])) for i in order
    )
    taken = {(core.row, core.col) for core in cores}
    missing = tuple((row, col) for row in range(n_rows) for col in range(n_cols) if (row, col) not in taken)
    return ArrayGrid(cores, n_rows, n_cols, missing, grid.pitch_um, grid.tilt_deg)


def _square(middle_px0: Floats, side: int) -> RegionPx0:
    return RegionPx0(round(middle_px0[0] - side / 2), round(middle_px0[1] - side / 2), side, side)


def _core_mask(slide: Slide, core_um: float) -> tuple[NDArray[np.bool_], float]:
    """Tissue on a thumbnail fine enough for cores, with gaps inside them closed, and micrometres per pixel."""
    longest = max(slide.dimensions_px0.width, slide.dimensions_px0.height)
    wanted = round(longest * slide.mpp / core_um * _PX_PER_CORE)
    thumbnail = slide.thumbnail(max(1, min(_MAX_THUMBNAIL_PX, wanted)))
    px_um = longest * slide.mpp / max(thumbnail.shape[:2])
    # Cores lie at least a tenth of a diameter apart: closing over less than that joins fragments, not neighbours.
    reach = max(1, round(0.04 * core_um / px_um))
    padded = np.pad(tissue_mask(thumbnail), reach)
    disc = np.hypot(*np.mgrid[-reach : reach + 1, -reach : reach + 1]) <= reach
    closed = ndimage.binary_closing(padded, disc)[reach:-reach, reach:-reach]
    return np.asarray(closed, dtype=bool), px_um


def _components(slide: Slide, mask: NDArray[np.bool_], px_um: float, core_um: float) -> tuple[Floats, Floats]:
    """Middles (n, 2), x and y in um, and areas (n,) in um^2 of everything that could be a core or a large part of one."""
    labels, n = ndimage.label(mask, np.ones((3, 3)))
    areas = np.bincount(labels.ravel(), minlength=n + 1)[1:] * px_um**2
    boxes = ndimage.find_objects(labels)
    middles = np.array([[(box[1].start + box[1].stop) / 2, (box[0].start + box[0].stop) / 2] for box in boxes]).reshape(-1, 2)
    large = areas >= _SMALLEST_SHARE * np.pi / 4 * core_um**2
    widths = np.array([max(box[0].stop - box[0].start, box[1].stop - box[1].start) for box in boxes]) * px_um
    typical = float(np.median(widths[large])) if large.any() else core_um
    wrong = [width for width in (widths.max(initial=0.0), typical) if not _SLIMMEST * core_um < width < _WIDEST * core_um]
    if large.any() and wrong:
        raise SlideError(
            f"{slide.path}: found tissue {wrong[0]:.0f} um wide where cores were said to be {core_um:g} um; state their diameter "
            f"in um, or give cores that touch as files of their own"
        )
    return middles[large] * px_um, np.asarray(areas[large], dtype=np.float64)


@dataclass(frozen=True, eq=False, slots=True)
class _Grid:
    """A grid: origin and the steps along a row and along a column, um."""

    origin: Floats
    along: Floats
    down: Floats

    def places(self, middles: Floats) -> NDArray[np.int64]:
        """Row and column of each middle, (n, 2)."""
        steps = np.stack([self.along, self.down], axis=1)
        columns_rows = np.linalg.solve(steps, (middles - self.origin).T).T
        return np.round(columns_rows[:, ::-1]).astype(np.int64)

    def at(self, places: NDArray[np.int64]) -> Floats:
        """Middles of places (row, col), um."""
        return np.asarray(self.origin + places[:, 1:] * self.along + places[:, :1] * self.down)

    @property
    def pitch_um(self) -> tuple[float, float]:
        return float(np.linalg.norm(self.along)), float(np.linalg.norm(self.down))

    @property
    def tilt_deg(self) -> float:
        return float(np.degrees(np.arctan2(self.along[1], self.along[0])))


def _fit_grid(middles: Floats, areas: Floats, core_um: float) -> _Grid:
    """Fit a grid to the middles: steps from neighbours, then least squares over all that have found a place."""
    whole = middles[areas >= 0.5 * np.median(areas)]
    along, down = _steps(whole, core_um)
    start = whole[np.argmin(np.hypot(*(whole - whole.mean(axis=0)).T))]
    grid = _Grid(start, along, down)
    for reach in np.linspace(1, _FIT_ROUNDS, _FIT_ROUNDS) / _FIT_ROUNDS:
        # Outwards from the middle, so that a small error of the steps does not grow into a wrong place at the edge.
        near = whole[
            np.max(np.abs(whole - start), axis=1) <= max(1.6 * np.max(grid.pitch_um), reach * np.ptp(whole, axis=0).max())
        ]
        places = grid.places(near)
        design = np.column_stack([np.ones(len(near)), places[:, 1], places[:, 0]])
        solution, _, rank, _ = np.linalg.lstsq(design, near, rcond=None)
        if rank == 3:
            grid = _Grid(solution[0], solution[1], solution[2])
    return grid


def _steps(middles: Floats, core_um: float) -> tuple[Floats, Floats]:
    """The typical steps to the right and down neighbour; along a direction without neighbours, as long as along the other."""
    along, down = _step(middles, 0, core_um), _step(middles, 1, core_um)
    if along is None and down is None:
        return np.array([2 * core_um, 0.0]), np.array([0.0, 2 * core_um])
    if along is None:
        assert down is not None
        along = np.array([down[1], -down[0]])
    return along, np.array([-along[1], along[0]]) if down is None else down


def _step(middles: Floats, axis: int, core_um: float) -> Floats | None:
    """The typical step to the next core along an axis, x or y in um; None where no core has one."""
    difference = middles[None] - middles[:, None]  # (n, n, 2)
    ahead, aside = difference[..., axis], np.abs(difference[..., 1 - axis])
    is_ahead = (ahead > 0.7 * core_um) & (aside < 0.35 * ahead)
    nearest = np.where(is_ahead, ahead, np.inf).min(axis=1)
    if not np.isfinite(nearest).any():
        return None
    # The lower quartile: a missing core makes some steps twice as long.
    pitch = np.percentile(nearest[np.isfinite(nearest)], 25)
    return np.asarray(np.median(difference[is_ahead & (ahead < 1.4 * pitch)], axis=0), dtype=np.float64)


def _together(places: NDArray[np.int64], middles: Floats, areas: Floats) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Fragments at one place of the grid as one core: the mean of their middles by area."""
    unique, place = np.unique(places, axis=0, return_inverse=True)
    place = place.ravel()
    total = np.bincount(place, weights=areas)
    middle = np.stack([np.bincount(place, weights=areas * middles[:, axis]) / total for axis in (0, 1)], axis=1)
    return unique, middle, np.asarray(total, dtype=np.float64)


def _check_apart(slide: Slide, grid: _Grid, places: NDArray[np.int64], middles: Floats, core_um: float) -> None:
    """No core may lie so far off its place that its number is a guess."""
    off = np.linalg.norm(grid.at(places) - middles, axis=1)
    room = 0.5 * min(grid.pitch_um)
    worst = int(off.argmax())
    if off[worst] > room:
        x, y = middles[worst] / slide.mpp
        raise SlideError(
            f"{slide.path}: tissue at ({x:.0f}, {y:.0f}) lies {off[worst]:.0f} um off the grid of {grid.pitch_um[0]:.0f} x "
            f"{grid.pitch_um[1]:.0f} um that fits the other cores; if cores are not {core_um:g} um wide, state their diameter, "
            f"else give cores as files of their own"
        )
