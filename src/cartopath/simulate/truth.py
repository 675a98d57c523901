"""The planted truth of a slide on the lattice of its tiles, and the heterogeneity that follows from it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.core.errors import ConfigError
from cartopath.simulate.specimen import Specimen

# Points per side of a tile on which shares are measured: one every 8 um for a 64 um tile, far below the size of a region.
_POINTS = 8
# A tile counts towards a patient's heterogeneity when at least half of it is tissue, as in the paper's background rule ...
MIN_TISSUE = 0.5
# ... and is positive for a trait when more than half of that tissue is.
POSITIVE_SHARE = 0.5


def tile_truth(specimen: Specimen, window_px0: int, names: Sequence[str]) -> pd.DataFrame:
    """Return the truth of every whole tile of a slide.

    Args:
        specimen: The slide.
        window_px0: Side of a tile in level-0 pixels, from `core.geometry.window_px0`: tile (col, row) covers the pixels from
            col * window to (col + 1) * window. Tiles that reach over the right or bottom edge are left out.
        names: A name for every trait.

    Returns:
        One row per tile, by row and column: `col`, `row`, `tissue` (share of the tile that is tissue: neither glass nor fat) and,
        under each trait's name, the positive share of that tissue, NaN where there is none.

    Raises:
        ConfigError: Not one name per trait, or the slide is smaller than one tile.
    """
    if len(names) != len(specimen.traits):
        raise ConfigError(f"{specimen.slide_id}: {len(specimen.traits)} traits are planted but {len(names)} names given")
    n_cols, n_rows = specimen.size_px0.width // window_px0, specimen.size_px0.height // window_px0
    if n_cols == 0 or n_rows == 0:
        size = f"{specimen.size_px0.width} x {specimen.size_px0.height} px"
        raise ConfigError(f"{specimen.slide_id}: {size} hold no tile of {window_px0} px; make slides larger or tiles smaller")
    step_um = window_px0 * specimen.mpp / _POINTS
    x, y = ((np.arange(n * _POINTS) + 0.5) * step_um for n in (n_cols, n_rows))
    solid = specimen.tissue.solid(x, y)
    tissue = _tile_means(solid)
    row, col = np.divmod(np.arange(n_rows * n_cols), n_cols)
    table = pd.DataFrame({"col": col, "row": row, "tissue": tissue.ravel()})
    for name, trait in zip(names, specimen.traits, strict=True):
        positive = _tile_means(solid & trait.on_grid(x, y))
        with np.errstate(invalid="ignore"):
            table[name] = (positive / tissue).ravel()
    return table


def _tile_means(points: NDArray[np.bool_]) -> NDArray[np.float64]:
    rows, cols = points.shape[0] // _POINTS, points.shape[1] // _POINTS
    means: NDArray[np.float64] = points.reshape(rows, _POINTS, cols, _POINTS).mean(axis=(1, 3))
    return means


def planted_hti(truth: pd.DataFrame, names: Sequence[str]) -> float:
    """Return the heterogeneity index of a slide's truth [A6, A7, A8].

    Tiles with enough tissue are positive or negative for each trait. The index is the entropy of the shares of the 2^k - 1 exact
    combinations among tiles that are positive for anything, with that number as the logarithm's base; 0 where none is positive.
    """
    tiles = truth.loc[truth["tissue"] >= MIN_TISSUE, list(names)].to_numpy(dtype=np.float64)
    return combination_entropy(tiles > POSITIVE_SHARE)


def combination_entropy(positive: NDArray[np.bool_]) -> float:
    """Return the entropy of exact combinations of traits among rows positive for any, base 2^k - 1, for bool (n, k).

    >>> round(combination_entropy(np.array([[True, False], [False, True], [True, True]])), 9)
    1.0
    >>> combination_entropy(np.array([[True, False], [False, False]]))
    0.0
    """
    n_traits = positive.shape[1]
    code = positive @ (1 << np.arange(n_traits))
    counts = np.bincount(code, minlength=1 << n_traits)[1:]
    present = counts[counts > 0] / max(1, counts.sum())
    if len(present) < 2:
        return 0.0
    return float(-(present * np.log(present)).sum() / math.log((1 << n_traits) - 1))
