"""Maps of overlapping tiles: where the tiles of a region lie, and the value of each at its middle (Rawat et al. 2020, figure 4).

Tiles that overlap by 80 % lie a fifth of their side apart. Each gives one square of the map, of that fifth, around its middle, so
that every square shows what one tile says and squares neither overlap nor leave gaps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cartopath.core.errors import ArtifactError
from cartopath.core.geometry import RegionPx0

OVERLAP = 0.8
"""Of neighbouring tiles along each axis in Rawat et al. 2020."""


@dataclass(frozen=True)
class DenseGrid:
    """Overlapping tiles in rows and columns over a region.

    Attributes:
        left_px0: Left edge of the first column of tiles.
        top_px0: Upper edge of the first row.
        n_rows: Rows of tiles.
        n_cols: Columns of tiles.
        window_px0: Side of a tile.
        step_px0: From a tile to the next.
    """

    left_px0: int
    top_px0: int
    n_rows: int
    n_cols: int
    window_px0: int
    step_px0: int

    @property
    def corners_px0(self) -> NDArray[np.int64]:
        """Upper left corners of the tiles, row by row, (n_rows * n_cols, 2) x and y."""
        x, y = np.meshgrid(np.arange(self.n_cols), np.arange(self.n_rows))
        steps = np.stack([x.ravel(), y.ravel()], axis=1)
        return np.asarray(steps * self.step_px0 + (self.left_px0, self.top_px0), dtype=np.int64)


def dense_grid(region: RegionPx0, *, window_px0: int, overlap: float = OVERLAP) -> DenseGrid:
    """Lay overlapping tiles over a region: all within it, what is left over shared by its edges.

    Args:
        region: Where.
        window_px0: Side of a tile in level-0 pixels.
        overlap: Share of a tile's side that the next one covers too.

    Raises:
        ArtifactError: The region is smaller than a tile, or the overlap is impossible.

    >>> grid = dense_grid(RegionPx0(0, 0, 800, 1600), window_px0=224)
    >>> grid.step_px0, grid.n_cols, grid.n_rows
    (45, 13, 31)
    """
    if not 0 <= overlap < 1:
        raise ArtifactError(f"dense_grid: the overlap of tiles must be 0 or more and below 1. Got {overlap} instead.")
    if window_px0 < 1 or min(region.width, region.height) < window_px0:
        raise ArtifactError(f"dense_grid: no tile of {window_px0} px fits {region.width} x {region.height} px")
    step = max(1, round(window_px0 * (1 - overlap)))
    n_cols, n_rows = ((side - window_px0) // step + 1 for side in (region.width, region.height))
    left, top = (
        start + (side - window_px0 - (n - 1) * step) // 2
        for start, side, n in ((region.x, region.width, n_cols), (region.y, region.height, n_rows))
    )
    return DenseGrid(left, top, n_rows, n_cols, window_px0, step)


@dataclass(frozen=True, eq=False)
class DenseMap:
    """Values of overlapping tiles, and where their squares lie.

    Attributes:
        values: (n_rows, n_cols) numbers, NaN where there is no tissue.
        grid: The tiles.
    """

    values: NDArray[np.float64]
    grid: DenseGrid

    @property
    def region_px0(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom edge of all squares together."""
        grid = self.grid
        inset = (grid.window_px0 - grid.step_px0) / 2
        left, top = grid.left_px0 + inset, grid.top_px0 + inset
        return left, top, left + grid.n_cols * grid.step_px0, top + grid.n_rows * grid.step_px0


def dense_map(grid: DenseGrid, values: ArrayLike, *, tissue: ArrayLike | None = None) -> DenseMap:
    """Stitch the values of tiles to a map.

    Args:
        grid: Where the tiles lie.
        values: (n_tiles,) one per tile with tissue, in the order of `grid.corners_px0`.
        tissue: (n_rows * n_cols,) whether each tile of the grid has tissue and thus a value; None: all have.

    Raises:
        ArtifactError: There are more or fewer values than tiles.

    >>> grid = DenseGrid(0, 0, 1, 3, 5, 1)
    >>> dense_map(grid, [0.1, 0.9], tissue=[True, False, True]).values.tolist()
    [[0.1, nan, 0.9]]
    """
    found = np.asarray(values, dtype=np.float64)
    n = grid.n_rows * grid.n_cols
    has = np.ones(n, dtype=bool) if tissue is None else np.asarray(tissue).astype(bool)
    if has.shape != (n,) or found.shape != (int(has.sum()),):
        raise ArtifactError(f"dense_map: {n} tiles, {has.shape} marks of tissue and {found.shape} values do not fit together")
    laid = np.full(n, np.nan)
    laid[has] = found
    return DenseMap(laid.reshape(grid.n_rows, grid.n_cols), grid)
