"""Which crops of which tiles meet in a step. All of an epoch follows from the seed and its number, whatever was drawn before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from cartopath.core.errors import TrainingError
from cartopath.core.rng import stream
from cartopath.training.cyclegan.spec import CycleGanSpec
from cartopath.training.cyclegan.tiles import Tiles, checked


@dataclass(frozen=True, slots=True)
class Draw:
    """One crop.

    Attributes:
        tile: Number of the tile.
        left: Of the crop, as a share of the room there is, 0..1.
        top: The same.
        mirrored: Left to right.
    """

    tile: int
    left: float
    top: float
    mirrored: bool


class PairLoader:
    """The steps of an epoch: a batch of crops of each style, unaligned.

    Every tile of the larger set is shown once per epoch, those of the first set in turn, those of the second at random, as the
    authors' program does.

    Args:
        first: Tiles of the first style.
        second: Tiles of the second style.
        spec: Sizes, flips, seed.
        epoch: Returns the number of the epoch that begins when iteration does.
    """

    def __init__(self, first: Tiles, second: Tiles, spec: CycleGanSpec, epoch: Callable[[], int]) -> None:
        self._sets, self._spec, self._epoch = (first, second), spec, epoch

    def __len__(self) -> int:
        """Return the steps of an epoch."""
        longest = max(len(tiles) for tiles in self._sets)
        return self._spec.steps_per_epoch or -(-longest // self._spec.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield (first, second), each uint8 (batch, 3, crop_px, crop_px)."""
        for step in self.draws(self._epoch()):
            first, second = (self._batch(tiles, draws) for tiles, draws in zip(self._sets, step, strict=True))
            yield first, second

    def draws(self, epoch: int) -> Iterator[tuple[list[Draw], list[Draw]]]:
        """Yield what is drawn in each step of an epoch."""
        rng = stream(self._spec.seed, *self._spec.stream, "cyclegan", "crops", epoch)
        n_first, n_second = (len(tiles) for tiles in self._sets)
        longest, size = max(n_first, n_second), self._spec.batch_size
        order = rng.permutation(longest)
        for step in range(len(self)):
            in_turn = [int(order[i % longest]) % n_first for i in range(step * size, (step + 1) * size)]
            at_random = rng.integers(n_second, size=size).tolist()
            yield [self._draw(tile, rng) for tile in in_turn], [self._draw(tile, rng) for tile in at_random]

    def _draw(self, tile: int, rng: np.random.Generator) -> Draw:
        left, top, mirror = rng.random(3).tolist()
        return Draw(tile, left, top, self._spec.flips and mirror < 0.5)

    def _batch(self, tiles: Tiles, draws: list[Draw]) -> Tensor:
        crops = np.stack([crop(tiles[draw.tile], draw, self._spec) for draw in draws])  # (batch, h, w, 3)
        return torch.from_numpy(crops).permute(0, 3, 1, 2)


def crop(tile: NDArray[np.uint8], draw: Draw, spec: CycleGanSpec) -> NDArray[np.uint8]:
    """Return the crop of a tile that was drawn, uint8 (crop_px, crop_px, 3).

    Raises:
        TrainingError: The tile is smaller than a crop and is not to be resized, or is no 8-bit RGB.
    """
    checked(tile, f"tile {draw.tile}")
    if spec.load_px is not None and tile.shape[:2] != (spec.load_px, spec.load_px):
        tile = np.asarray(Image.fromarray(tile).resize((spec.load_px, spec.load_px), Image.Resampling.BICUBIC))
    room = np.subtract(tile.shape[:2], spec.crop_px)
    if (room < 0).any():
        raise TrainingError(
            f"tile {draw.tile} is {tile.shape[1]} x {tile.shape[0]} px, smaller than crops of {spec.crop_px} px; "
            f"set 'load_px' or lower 'crop_px'"
        )
    top, left = int(draw.top * (room[0] + 1)), int(draw.left * (room[1] + 1))
    cut = tile[top : top + spec.crop_px, left : left + spec.crop_px]
    return cut[:, ::-1] if draw.mirrored else cut
