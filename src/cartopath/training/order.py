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
from cartopath.training.blocks import BLOCK_SIDE, block_numbers
from cartopath.training.shuffle import local_shuffle, rank_within


@dataclass(frozen=True, eq=False)
class Draw:
    """The tiles of one batch.

    Attributes:
        index: (n,) positions among all tiles of the source.
        flips: (n, 2) booleans: horizontally, vertically.
        block: (n,) which tiles are best read together: those of equal number, within one pass.
    """

    index: NDArray[np.int64]
    flips: NDArray[np.bool_]
    block: NDArray[np.int64]

    def share(self, rank: int, world_size: int) -> Draw:
        """Return what one of several devices takes of the batch; together they take each tile once, and equally many.

        The tiles of a block go to one device, so that no two decode the same, except those that would exceed its share.
        """
        if world_size == 1:
            return self
        mine = shared_out(self.block % world_size, world_size) == rank
        return Draw(self.index[mine], self.flips[mine], self.block[mine])


def shared_out(preferred: NDArray[np.int64], world_size: int) -> NDArray[np.int64]:
    """Return which device takes each tile: the preferred one until it has its share, then whichever has not.

    >>> shared_out(np.array([0, 0, 0, 1, 0]), 2).tolist()
    [0, 0, 0, 1, 1]
    """
    n_tiles = len(preferred)
    shares = (n_tiles + np.arange(world_size)[::-1]) // world_size
    taken = np.minimum(np.bincount(preferred, minlength=world_size), shares)
    devices = preferred.copy()
    devices[rank_within(preferred) >= shares[preferred]] = np.repeat(np.arange(world_size), shares - taken)
    return devices


@dataclass(frozen=True, eq=False)
class _Pass:
    number: int
    tiles: NDArray[np.int64]
    block_of_tile: NDArray[np.int64]
    flips: NDArray[np.bool_]


class TrainingOrder:
    """The order of one training.

    One pass shows each tile once. The tiles of each slide are taken in square blocks whose borders lie elsewhere in each pass.
    The blocks come in random order, those of each slide spread over the whole pass, and flow through a buffer of `shuffle_tiles`
    tiles from which tiles are drawn at random. So tiles are well mixed, and yet each block can be decoded in one go; where the
    buffer holds everything, the order is a uniform permutation.

    Each chunk takes an equal part of the pass in turn. A chunk is divided into batches of nearly equal size, never larger than
    asked, so that no tile is left out and no batch is so small that it upsets batch normalization. All chunks have the same
    number of batches.

    Args:
        slide_of_tile: (n_tiles,) number of the slide of each tile.
        places: (n_tiles, 2) where each lies on its slide, in widths of a tile.
        seed: Seed of the study.
        names: Names of this training's streams.
        batch_size: Largest number of tiles in a batch, over all devices; at least 2.
        chunks_per_pass: Into how many chunks a pass is divided; fewer where a chunk would have less than two tiles.
        shuffle_tiles: Tiles in the buffer.
        block_side: Side of a block in tiles.
        tiles_per_slide: At most so many tiles of each slide in a pass, drawn anew in each block by block; None for all.
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
        places: NDArray[np.float64],
        *,
        seed: int,
        names: tuple[str | int, ...],
        batch_size: int,
        chunks_per_pass: int,
        shuffle_tiles: int,
        block_side: int = BLOCK_SIDE,
        tiles_per_slide: int | None = None,
        flips: bool = True,
    ) -> None:
        self._slide_of_tile, self._places = slide_of_tile, places
        self._seed, self._names, self._cap, self._flips = seed, names, tiles_per_slide, flips
        self._shuffle_tiles, self._block_side = shuffle_tiles, block_side
        sizes = np.bincount(slide_of_tile)
        self._n_slides = len(sizes)
        self.n_tiles = int(np.minimum(sizes, tiles_per_slide or sizes.max(initial=0)).sum())
        if self.n_tiles < 2:
            raise TrainingError(f"a training needs at least 2 tiles; there are {self.n_tiles}")
        self.chunks_per_pass = min(chunks_per_pass, self.n_tiles // 2)
        self.n_batches = math.ceil(math.ceil(self.n_tiles / self.chunks_per_pass) / batch_size)
        self.smallest_batch = self.n_tiles // self.chunks_per_pass // self.n_batches
        self._last: _Pass | None = None

    def pass_tiles(self, pass_index: int) -> NDArray[np.int64]:
        """Return all tiles of a pass in their order."""
        return self._pass(pass_index).tiles

    def pass_blocks(self, pass_index: int) -> NDArray[np.int64]:
        """Return the block of every tile of the source, (n_tiles,): its place in the random order of the blocks of a pass."""
        return self._pass(pass_index).block_of_tile

    def draws(self, chunk: int) -> list[Draw]:
        """Return the batches of a chunk, counted from 0 over all passes."""
        pass_index, part = divmod(chunk, self.chunks_per_pass)
        of_pass = self._pass(pass_index)
        tiles = np.array_split(of_pass.tiles, self.chunks_per_pass)[part]
        batches = np.array_split(tiles, self.n_batches)
        return [Draw(index, of_pass.flips[index], of_pass.block_of_tile[index]) for index in batches]

    def rest_of_pass(self, chunk: int, *, end: int) -> list[Draw]:
        """Return the batches of a chunk and of all after it in the same pass, but none of chunk `end` or later."""
        last = (chunk // self.chunks_per_pass + 1) * self.chunks_per_pass
        return [draw for number in range(chunk, min(last, end)) for draw in self.draws(number)]

    def _pass(self, pass_index: int) -> _Pass:
        if self._last is None or self._last.number != pass_index:
            self._last = self._drawn(pass_index)
        return self._last

    def _drawn(self, pass_index: int) -> _Pass:
        rng = stream(self._seed, *self._names, "order", pass_index)
        n_tiles = len(self._slide_of_tile)
        shifts = rng.random((self._n_slides, 2)) * self._block_side
        numbers = block_numbers(self._slide_of_tile, self._places, side=self._block_side, shifts=shifts)
        n_blocks = int(numbers.max()) + 1
        scattered = rng.permutation(n_tiles)  # the order of the tiles within their blocks
        flow = scattered[np.argsort(rng.permutation(n_blocks)[numbers[scattered]], kind="stable")]
        if self._cap is not None:
            flow = flow[rank_within(self._slide_of_tile[flow]) < self._cap]
        block_of_tile = self._spread(flow, numbers, n_blocks, rng)
        flow = flow[np.argsort(block_of_tile[flow], kind="stable")]
        flips = np.zeros((n_tiles, 2), bool)
        if self._flips:
            flips = stream(self._seed, *self._names, "flips", pass_index).random(flips.shape) < 0.5
        return _Pass(pass_index, local_shuffle(flow, self._shuffle_tiles, rng), block_of_tile, flips)

    def _spread(
        self, flow: NDArray[np.int64], numbers: NDArray[np.int64], n_blocks: int, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Return the place of each tile's block in the pass: each slide has one, at random, in each of equal parts of it."""
        slide_of_block = np.zeros(n_blocks, np.int64)
        slide_of_block[numbers] = self._slide_of_tile
        blocks = numbers[flow][np.flatnonzero(np.diff(numbers[flow], prepend=-1))]  # in their order, each once
        slides = slide_of_block[blocks]
        time = np.full(n_blocks, np.inf)
        time[blocks] = (rank_within(slides) + rng.random(len(blocks))) / np.bincount(slides)[slides]
        place = np.empty(n_blocks, np.int64)
        place[np.argsort(time, kind="stable")] = np.arange(n_blocks)
        return place[numbers]


def validation_tiles(
    slide_of_tile: NDArray[np.int64], *, seed: int, names: tuple[str | int, ...], tiles_per_slide: int | None
) -> NDArray[np.int64]:
    """Return the tiles of every validation, ascending: all of them, or the same draw of `tiles_per_slide` of each slide [A18]."""
    tiles = np.arange(len(slide_of_tile))
    if tiles_per_slide is None:
        return tiles
    order = stream(seed, *names, "validation").permutation(len(tiles))
    kept: NDArray[np.int64] = np.sort(order[rank_within(slide_of_tile[order]) < tiles_per_slide])
    return kept


def validation_draws(
    tiles: NDArray[np.int64], block_of_tile: NDArray[np.int64], *, batch_size: int, world_size: int
) -> list[list[Draw]]:
    """Divide the tiles of a validation among devices, each with the same number of batches, block after block.

    Args:
        tiles: Numbers of the tiles.
        block_of_tile: Block of every tile of the source.
        batch_size: Tiles in a batch, over all devices.
        world_size: Number of devices.

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
    ordered = tiles[np.argsort(block_of_tile[tiles], kind="stable")]
    batches = [
        Draw(index, np.zeros((len(index), 2), bool), block_of_tile[index])
        for index in np.array_split(ordered, n_batches * world_size)
    ]
    return [batches[rank * n_batches : (rank + 1) * n_batches] for rank in range(world_size)]
