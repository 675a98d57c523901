"""Types of tiles: how probable each type is in each tile of a slide, whatever the size of the tiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.core.errors import ArtifactError
from cartopath.methods.scoring import default_batch_size, tile_batches, uses_gpu
from cartopath.methods.tissue_types.examples import own_window
from cartopath.methods.tissue_types.model import TissueModel
from cartopath.training import SlideTiles

PROBABILITY = "p_"


def type_probabilities(
    model: TissueModel, tiles: SlideTiles, *, mpp: float, device: str = "auto", threads: int | None = None
) -> NDArray[np.float32]:
    """Return how probable each type is in each tile.

    A tile that is wider than the model's own tiles is divided into as many of them as lie side by side in it, and gets their
    mean; one that is narrower gets the probabilities of the model's tile around its middle.

    Args:
        model: Trained.
        tiles: The tiles of a slide, of any size.
        mpp: Micrometres per level-0 pixel of the slide.
        device: `auto`, `cpu` or `cuda:i`.
        threads: Of the network on a CPU.

    Returns:
        (n_tiles, n_types) float32; rows sum to 1.

    Raises:
        SlideError: The slide cannot be read, or is coarser than the model's tiles.
    """
    from cartopath.training.fingerprint.extract import piece_probabilities

    window = own_window(model.spec, mpp, tiles.path)
    corners = divided(tiles.xy_px0, tiles.window_px0, window)  # (n_tiles * k * k, 2)
    is_same = window == tiles.window_px0 and model.spec.size_px == tiles.size_px
    own = tiles if is_same else replace(tiles, xy_px0=corners, window_px0=window, size_px=model.spec.size_px, cache_path=None)
    size = default_batch_size(model.spec.size_px, is_gpu=uses_gpu(device))
    found = piece_probabilities(model.network, tile_batches(own, size), device=device, threads=threads)
    n_parts = len(corners) // max(1, len(tiles.xy_px0))
    mean: NDArray[np.float32] = found.reshape(len(tiles.xy_px0), max(1, n_parts), len(model.types)).mean(axis=1)
    return mean


def divided(xy_px0: NDArray[np.int64], wide: int, own: int) -> NDArray[np.int64]:
    """Return the corners of k x k squares of `own` level-0 pixels spread evenly over each square of `wide`, k at least 1.

    >>> divided(np.array([[100, 0]]), 64, 32).tolist()
    [[100, 0], [132, 0], [100, 32], [132, 32]]
    >>> divided(np.array([[100, 100]]), 32, 64).tolist()
    [[84, 84]]
    """
    k = max(1, round(wide / own))
    offset = np.round((np.arange(k) + 0.5) * wide / k - own / 2).astype(np.int64)
    steps = np.stack(np.meshgrid(offset, offset), axis=-1).reshape(-1, 2)  # row by row
    corners: NDArray[np.int64] = np.maximum(xy_px0[:, None, :] + steps[None, :, :], 0).reshape(-1, 2).astype(np.int64)
    return corners


def type_table(tiles: pd.DataFrame, probabilities: NDArray[np.floating], types: Sequence[str]) -> pd.DataFrame:
    """Return tiles with `p_<type>` for each type, and `type`, the most probable one.

    Args:
        tiles: col, row, x_px0, y_px0.
        probabilities: (n, n_types) of the same tiles.
        types: Their names.
    """
    table = tiles[["col", "row", "x_px0", "y_px0"]].reset_index(drop=True).copy()
    for number, name in enumerate(types):
        table[f"{PROBABILITY}{name}"] = np.asarray(probabilities[:, number], dtype=np.float32)
    table["type"] = np.asarray(types, dtype=object)[probabilities.argmax(axis=1)] if len(table) else np.empty(0, object)
    return table


def joined_types(scores: pd.DataFrame, types: pd.DataFrame) -> pd.Series:
    """Return the type of each scored tile, joined by tile and never by row.

    Raises:
        ArtifactError: A scored tile has no type.
    """
    joined = scores[["col", "row"]].merge(types[["col", "row", "type"]], on=["col", "row"], how="left", validate="one_to_one")
    if joined["type"].isna().any():
        raise ArtifactError(f"{int(joined['type'].isna().sum())} scored tiles have no type of tissue: delete it and run again")
    return joined["type"]
