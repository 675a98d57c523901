"""Tiles that lie together on a slide, in square blocks: what is decoded in one go."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cartopath.training.tiles import SlideTiles

BLOCK_SIDE = 4
"""Side of a block of training tiles, in tiles: see docs/training.md for what other sides cost and mix."""

VALIDATION_BLOCK_SIDE = 8
"""Side of a block of validation tiles, whose order is of no consequence: larger blocks share more frames."""


def places_of(slides: Sequence[SlideTiles]) -> NDArray[np.float64]:
    """Return where the tiles of slides lie, in widths of a tile from the upper left corner: (n_tiles, 2), x and y."""
    return np.concatenate([np.empty((0, 2)), *(slide.xy_px0 / slide.window_px0 for slide in slides)])


def block_numbers(
    slide_of_tile: NDArray[np.int64],
    places: NDArray[np.float64],
    *,
    side: int,
    shifts: NDArray[np.float64] | None = None,
) -> NDArray[np.int64]:
    """Return the block of each tile: 0, 1, ... by slide, then from top to bottom, then from left to right.

    Args:
        slide_of_tile: (n_tiles,) number of the slide of each tile.
        places: (n_tiles, 2) x and y of each tile in widths of a tile.
        side: Side of a block in tiles.
        shifts: (n_slides, 2) how far the blocks of each slide are moved to the left and up, in tiles; None for not at all.

    Returns:
        (n_tiles,) int64. Every number up to the largest occurs.

    >>> places = np.array([[0, 0], [3, 0], [4, 0], [0, 4], [1, 1]], float)
    >>> block_numbers(np.array([0, 0, 0, 0, 1]), places, side=4).tolist()
    [0, 0, 1, 2, 3]
    """
    if len(places) == 0:
        return np.zeros(0, np.int64)
    moved = places if shifts is None else places + shifts[slide_of_tile]
    cells = np.floor(moved / side).astype(np.int64)
    cells -= cells.min(axis=0)
    width, height = (cells.max(axis=0) + 1).tolist()
    keys = (slide_of_tile * height + cells[:, 1]) * width + cells[:, 0]
    numbers: NDArray[np.int64] = np.unique(keys, return_inverse=True)[1].astype(np.int64)
    return numbers
