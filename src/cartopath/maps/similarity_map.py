"""Similarity heat maps: which tiles of one region look like another region (Rawat et al. 2020, figure 3; F50)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cartopath.core.errors import ArtifactError
from cartopath.maps.dense_sheet import DensePiece, render_dense_sheet
from cartopath.stats.matching import unit_length

_COLOURS = "viridis"
FARTHEST = 2.0
"""Largest distance of two vectors of length 1."""


def similarity(features: ArrayLike, region: ArrayLike, *, farthest: float = FARTHEST) -> NDArray[np.float64]:
    """Return 1 - distance / farthest of each tile's fingerprint to the mean fingerprint of a region.

    Fingerprints are scaled to length 1, and so is their mean: a tile that is the region's mean has similarity 1. The paper does
    not say by what it divides distances. By default it is the largest that there can be, so that maps can be compared with each
    other; most fingerprints then lie between 0.5 and 1.

    Args:
        features: (n_tiles, n_features) fingerprints of the tiles of a map.
        region: (n_other, n_features) fingerprints of the tiles of the region, or one vector.
        farthest: Distance that counts as no similarity at all; larger ones count as it.

    Returns:
        (n_tiles,) from 0 to 1.

    Raises:
        ArtifactError: The features do not fit, or `farthest` is not positive.

    >>> similarity([[3.0, 0.0], [0.0, 2.0], [-1.0, 0.0]], [[1.0, 0.0]]).round(3).tolist()
    [1.0, 0.293, 0.0]
    """
    tiles, other = np.asarray(features, dtype=np.float64), np.atleast_2d(np.asarray(region, dtype=np.float64))
    if tiles.ndim != 2 or other.ndim != 2 or tiles.shape[1] != other.shape[1] or not len(other):
        raise ArtifactError(f"similarity: fingerprints of shapes {tiles.shape} and {other.shape} cannot be compared")
    if not farthest > 0:
        raise ArtifactError(f"similarity: the farthest distance must be positive. Got {farthest} instead.")
    mean = unit_length(unit_length(other).mean(axis=0))
    distance = np.linalg.norm(unit_length(tiles) - mean, axis=1)
    return np.asarray(np.clip(1.0 - distance / farthest, 0.0, 1.0))


def render_similarity_maps(pieces: Sequence[DensePiece], *, title: str = "") -> bytes:
    """Draw pieces of tissue beside their similarity heat maps; the colours span what these maps hold.

    Args:
        pieces: At least one, with values from 0 to 1.
        title: Printed above.

    Returns:
        PNG; equal input gives equal bytes.

    Raises:
        ArtifactError: There is no piece, or a value lies outside 0 to 1.
    """
    return render_dense_sheet(pieces, colours=_COLOURS, limits=None, value_name="similarity", title=title)
