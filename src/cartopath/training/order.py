"""In which order a training sees its tiles, and how each is flipped: a pure function of the seed, the pass and the chunk.

Because nothing depends on what was drawn before, a training that was killed goes on with exactly the tiles it would have seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import TrainingError
from cartopath.core.rng import stream


@dataclass(frozen=True, eq=False)
class Draw:
    """The tiles of one batch.

    Attributes:
        index: (n,) positions among all tiles of the source.
        flips: (n, 2) booleans: horizontally, vertically.
    """

    index: NDArray[np.int64]
    flips: NDArray[np.bool_]

    def share(self, rank: int, world_size: int) -> Draw:
        """Return what one of several devices takes of the batch; together they take each tile once."""
        return Draw(self.index[rank::world_size], self.flips[rank::world_size])


class TrainingOrder:
    """The order of one training.

    One pass is one permutation of the tiles, of which each chunk takes an equal part in turn. A chunk is divided into batches of
    nearly equal size, never larger than asked, so that no tile is left out and no batch is so small that it upsets batch
    normalization. All chunks have the same number of batches.

    Args:
        slide_of_tile: (n_tiles,) number of the slide of each tile.
        seed: Seed of the study.
        names: Names of this training's streams.
        batch_size: Largest number of tiles in a batch, over all devices; at least 2.
        chunks_per_pass: Into how many chunks a pass is divided; fewer where a chunk would have less than two tiles.
        tiles_per_slide: At most so many tiles of each slide in a pass, drawn anew in each; None for all.
        flips: Whether to flip.

    Attributes:
        chunks_per_pass: Chunks per pass.
        n_batches: Batches per chunk.
        smallest_batch: Tiles in the smallest batch.
        n_tiles: Tiles per pass.
    """

    def __init__(
        self,
        slide_of_tile: NDArray[np.int64],
        *,
        seed: int,
        names: tuple[str | int, ...],
        batch_size: int,
        chunks_per_pass: int,
        tiles_per_slide: int | None = None,
        flips: bool = True,
    ) -> None:
        self._slide_of_tile = slide_of_tile
        self._seed, self._names, self._cap, self._flips = seed, names, tiles_per_slide, flips
        sizes = np.bincount(slide_of_tile)
        self.n_tiles = int(np.minimum(sizes, tiles_per_slide or sizes.max(initial=0)).sum())
        if self.n_tiles < 2:
            raise TrainingError(f"a training needs at least 2 tiles; there are {self.n_tiles}")
        self.chunks_per_pass = min(chunks_per_pass, self.n_tiles // 2)
        self.n_batches = math.ceil(math.ceil(self.n_tiles / self.chunks_per_pass) / batch_size)
        self.smallest_batch = self.n_tiles // self.chunks_per_pass // self.n_batches
        self._pass: tuple[int, NDArray[np.int64]] | None = None

    def pass_tiles(self, pass_index: int) -> NDArray[np.int64]:
        """Return all tiles of a pass in their order."""
        if self._pass is None or self._pass[0] != pass_index:
            order = stream(self._seed, *self._names, "order", pass_index).permutation(len(self._slide_of_tile))
            if self._cap is not None:
                order = order[_rank_within(self._slide_of_tile[order]) < self._cap]
            self._pass = (pass_index, order)
        return self._pass[1]

    def draws(self, chunk: int) -> list[Draw]:
        """Return the batches of a chunk, counted from 0 over all passes."""
        pass_index, part = divmod(chunk, self.chunks_per_pass)
        tiles = np.array_split(self.pass_tiles(pass_index), self.chunks_per_pass)[part]
        flips = np.zeros((len(self._slide_of_tile), 2), bool)
        if self._flips:
            flips = stream(self._seed, *self._names, "flips", pass_index).random(flips.shape) < 0.5
        return [Draw(index, flips[index]) for index in np.array_split(tiles, self.n_batches)]


def validation_tiles(
    slide_of_tile: NDArray[np.int64], *, seed: int, names: tuple[str | int, ...], tiles_per_slide: int | None
) -> NDArray[np.int64]:
    """Return the tiles of every validation, in order: all of them, or the same draw of `tiles_per_slide` of each slide [A18]."""
    tiles = np.arange(len(slide_of_tile))
    if tiles_per_slide is None:
        return tiles
    order = stream(seed, *names, "validation").permutation(len(tiles))
    kept: NDArray[np.int64] = np.sort(order[_rank_within(slide_of_tile[order]) < tiles_per_slide])
    return kept


def validation_draws(tiles: NDArray[np.int64], *, batch_size: int, world_size: int) -> list[list[Draw]]:
    """Divide the tiles of a validation among devices, each with the same number of batches.

    Returns:
        For each device its batches. Together they hold each tile once.

    Raises:
        TrainingError: There are fewer tiles than devices.
    """
    if len(tiles) < world_size:
        raise TrainingError(f"{len(tiles)} validation tiles cannot be shared by {world_size} devices; use fewer devices")
    per_device = max(1, batch_size // world_size)
    n_batches = math.ceil(len(tiles) / (per_device * world_size))
    if n_batches * world_size > len(tiles):
        n_batches = len(tiles) // world_size
    batches = np.array_split(tiles, n_batches * world_size)
    return [
        [Draw(index, np.zeros((len(index), 2), bool)) for index in batches[rank * n_batches : (rank + 1) * n_batches]]
        for rank in range(world_size)
    ]


def _rank_within(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how often the group of each element occurred before it.

    >>> _rank_within(np.array([5, 7, 5, 5, 7])).tolist()
    [0, 0, 1, 2, 1]
    """
    by_group = np.argsort(groups, kind="stable")
    ordered = groups[by_group]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    lengths = np.diff(np.r_[starts, len(groups)])
    ranks = np.empty(len(groups), np.int64)
    ranks[by_group] = np.arange(len(groups)) - np.repeat(starts, lengths)
    return ranks
