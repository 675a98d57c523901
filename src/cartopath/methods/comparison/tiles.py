"""Values of tiles brought onto the tiles of another grid of the same slide, so that maps of different grids can be compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class TileValues:
    """A value for each of some tiles of a slide.

    Attributes:
        xy_px0: (n, 2) upper left corners in level-0 pixels.
        window_px0: Side of a tile in level-0 pixels.
        values: (n,) numbers.
    """

    xy_px0: NDArray[np.int64]
    window_px0: int
    values: NDArray[np.float64]

    def cells(self, window_px0: int) -> NDArray[np.int64]:
        """Return for each tile the cell of a grid of another window that its centre lies in, as one number, (n,)."""
        col, row = ((2 * self.xy_px0 + self.window_px0) // (2 * window_px0)).T
        cells: NDArray[np.int64] = col << 32 | row
        return cells


def values_on(source: TileValues, target: TileValues) -> NDArray[np.float64]:
    """Return the values of one map on the tiles of another of the same slide.

    A tile of the target has the mean of the smaller tiles whose centres it holds, or the value of the larger tile that holds its
    centre, and NaN where there is none.

    Args:
        source: The tiles that have the values.
        target: The tiles that get them; their own values are not looked at.

    Returns:
        (n_target,) numbers.

    >>> fine = TileValues(np.array([[0, 0], [10, 0], [20, 0]]), 10, np.array([1.0, 3.0, 5.0]))
    >>> coarse = TileValues(np.array([[0, 0], [40, 0]]), 20, np.zeros(2))
    >>> values_on(fine, coarse).tolist()
    [2.0, nan]
    """
    window = max(source.window_px0, target.window_px0)
    wanted, place = np.unique(target.cells(window), return_inverse=True)
    cells = source.cells(window)
    cell = np.minimum(np.searchsorted(wanted, cells), len(wanted) - 1)
    inside = wanted[cell] == cells
    n = np.bincount(cell[inside], minlength=len(wanted))
    total = np.bincount(cell[inside], weights=source.values[inside], minlength=len(wanted))
    found: NDArray[np.float64] = np.where(n > 0, total / np.maximum(n, 1), np.nan)[place]
    return found
