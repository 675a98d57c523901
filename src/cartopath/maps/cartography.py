"""The molecular cartography of a slide: tile values laid out as a map, one layer per trait."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cartopath.core.errors import ArtifactError


def cartography(tiles: pd.DataFrame, values: ArrayLike, *, n_rows: int, n_cols: int) -> NDArray[np.float32]:
    """Return the tensor cartography of a slide.

    Args:
        tiles: One row per tile, with its place on the slide's tile grid in the columns `col` and `row`.
        values: (n_tiles, n_traits) numbers in the order of `tiles`: votes, probabilities. The order of traits is kept.
        n_rows: Rows of the tile grid.
        n_cols: Columns of the tile grid.

    Returns:
        (n_rows, n_cols, n_traits) float32; NaN where there is no tile, which is not the same as 0, a negative tile.

    Raises:
        ArtifactError: The numbers of tiles and values differ, a tile lies outside the grid, or a place is filled twice.

    >>> tiles = pd.DataFrame({"col": [0, 2], "row": [1, 0]})
    >>> cartography(tiles, [[1.0], [0.0]], n_rows=2, n_cols=3)[..., 0].tolist()
    [[nan, nan, 0.0], [1.0, nan, nan]]
    """
    layers = np.asarray(values, dtype=np.float32)
    if layers.ndim != 2 or layers.shape[0] != len(tiles):
        raise ArtifactError(
            f"cartography: expected values of shape ({len(tiles)}, n_traits), one row per tile, found {layers.shape}"
        )
    row, col = tiles["row"].to_numpy(), tiles["col"].to_numpy()
    outside = (row < 0) | (row >= n_rows) | (col < 0) | (col >= n_cols)
    if outside.any():
        where = int(np.flatnonzero(outside)[0])
        raise ArtifactError(
            f"cartography: tile at col {col[where]}, row {row[where]} lies outside the grid of {n_cols} x {n_rows} "
            f"({outside.sum()} do); the tiles and the grid come from different runs"
        )
    places = row.astype(np.int64) * n_cols + col
    if len(np.unique(places)) < len(places):
        twice = int(places[np.flatnonzero(pd.Series(places).duplicated())[0]])
        raise ArtifactError(f"cartography: two tiles at col {twice % n_cols}, row {twice // n_cols}; join scores by tile first")
    tensor = np.full((n_rows * n_cols, layers.shape[1]), np.nan, dtype=np.float32)
    tensor[places] = layers
    return tensor.reshape(n_rows, n_cols, layers.shape[1])
