"""Which pixels of tiles say how they are stained: those with tissue, not glass and not black padding."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import StatisticsError
from cartopath.style.colour import Floats

GLASS_VALUE = 220
"""A pixel is glass when all its channels are brighter than this (the background rule of Levy-Jurgenson et al. 2020)."""
CLEAR_VALUE = 240
"""From here on a pixel is left as it is by methods that would tint glass; between the two values they fade in."""
BLACK_VALUE = 20
"""A pixel is padding, not tissue, when all its channels are darker than this."""
MIN_TISSUE_PX = 1000
"""Fewer pixels of tissue than this do not tell how a tile is stained."""
MAX_FITTED_PX = 1 << 20
"""At most so many pixels are kept for a fit; where there are more, every second one, every fourth one and so on."""


def is_tissue(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which pixels are tissue, bool (...), of uint8 (..., 3) RGB."""
    tissue: NDArray[np.bool_] = (pixels.min(axis=-1) <= GLASS_VALUE) & (pixels.max(axis=-1) >= BLACK_VALUE)
    return tissue


def stained_share(pixels: NDArray[np.uint8]) -> Floats:
    """Return 1 for tissue, 0 for clear glass, and what lies between for pale pixels, float32 (..., 1)."""
    darkest = pixels.min(axis=-1, keepdims=True).astype(np.float32)
    share: Floats = np.clip((CLEAR_VALUE - darkest) / (CLEAR_VALUE - GLASS_VALUE), 0, 1)
    return share


def check_tile(pixels: NDArray[np.uint8]) -> None:
    """Refuse what is no 8-bit RGB tile or batch of tiles.

    Raises:
        ValueError: It is not uint8 (..., height, width, 3).
    """
    if pixels.dtype != np.uint8 or pixels.ndim < 3 or pixels.shape[-1] != 3:
        raise ValueError(f"a tile must be uint8 (..., height, width, 3). Got {pixels.dtype} {pixels.shape} instead.")


def tissue_pixels(tiles: Iterable[NDArray[np.uint8]] | NDArray[np.uint8], *, minimum: int = MIN_TISSUE_PX) -> NDArray[np.uint8]:
    """Return the tissue pixels of tiles, the same ones for the same tiles in the same order.

    Args:
        tiles: Each uint8 (height, width, 3), of any size; an array (n, height, width, 3); or one tile.
        minimum: Fewer tissue pixels than this are refused.

    Returns:
        uint8 (n_px, 3), at most `MAX_FITTED_PX`.

    Raises:
        StatisticsError: There is too little tissue.
        ValueError: Something is no 8-bit RGB tile.
    """
    if isinstance(tiles, np.ndarray) and tiles.ndim == 3:
        tiles = [tiles]
    kept, n_kept, stride, n_seen, n_tissue, n_tiles = [np.empty((0, 3), np.uint8)], 0, 1, 0, 0, 0
    for tile in tiles:
        check_tile(tile)
        tissue = tile[is_tissue(tile)]  # (n, 3)
        chosen = tissue[(-n_tissue) % stride :: stride]
        kept.append(chosen)
        n_kept, n_tissue, n_seen, n_tiles = n_kept + len(chosen), n_tissue + len(tissue), n_seen + tile[..., 0].size, n_tiles + 1
        while n_kept > MAX_FITTED_PX:
            kept = [np.concatenate(kept)[::2]]
            n_kept, stride = len(kept[0]), 2 * stride
    if n_tissue < minimum:
        raise StatisticsError(
            f"no style can be fitted: {n_tissue:,} of {n_seen:,} pixels in {n_tiles:,} tiles are tissue, and {minimum:,} are "
            f"needed (tissue has a channel of {GLASS_VALUE} or less); give tiles with more tissue"
        )
    return np.concatenate(kept)
