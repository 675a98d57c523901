"""Which tiles of which bags a step looks at: the same for all jobs, whatever else is trained beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cartopath.core.rng import stream
from cartopath.training.mil.bags import Bag, check_finite
from cartopath.training.mil.scaling import FeatureScaling
from cartopath.training.mil.spec import MilTraining

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, slots=True)
class TileBatch:
    """Tiles of some bags.

    Attributes:
        bags: Indices of the bags.
        tiles: (n_tiles, n_features) float32 as heads take them, the bags one after the other.
        sizes: Tiles of each bag.
    """

    bags: NDArray[np.int64]
    tiles: NDArray[np.float32]
    sizes: list[int]


class BagTiles:
    """The tiles of bags at one scale, kept in memory where they fit.

    Args:
        bags: All of them.
        scaling: As training bags define it.
        recipe: How many tiles to look at.
        memory_bytes: What may be kept.
    """

    def __init__(self, bags: Sequence[Bag], scaling: FeatureScaling, recipe: MilTraining, *, memory_bytes: int) -> None:
        self._bags, self._scaling, self._recipe = bags, scaling, recipe
        needed = sum(len(bag.features) for bag in bags) * scaling.n_outputs * 4
        self._kept: dict[int, NDArray[np.float32]] | None = {} if needed <= memory_bytes else None

    def training_steps(self, train: NDArray[np.int64], epoch: int) -> Iterator[TileBatch]:
        """Yield the steps of an epoch: every training bag once, in an order drawn for all bags together."""
        order = stream(self._recipe.seed, "mil", "order", epoch).permutation(len(self._bags))
        order = order[np.isin(order, train)]
        for first in range(0, len(order), self._recipe.bags_per_step):
            some = order[first : first + self._recipe.bags_per_step]
            yield _batch(some, [self._training_tiles(int(index), epoch) for index in some])

    def validation_batches(self, validation: NDArray[np.int64], *, at_once: int) -> Iterator[TileBatch]:
        """Yield the validation bags, so many together that they have about `at_once` tiles."""
        some: list[int] = []
        parts: list[NDArray[np.float32]] = []
        for index in validation:
            part = self._validation_tiles(int(index))
            if parts and sum(map(len, parts)) + len(part) > at_once:
                yield _batch(np.array(some), parts)
                some, parts = [], []
            some.append(int(index))
            parts.append(part)
        if parts:
            yield _batch(np.array(some), parts)

    def _training_tiles(self, index: int, epoch: int) -> NDArray[np.float32]:
        recipe, bag = self._recipe, self._bags[index]
        tiles = self._drawn(index, recipe.tiles_per_bag, "tiles", epoch)
        if recipe.feature_noise:
            rng = stream(recipe.seed, "mil", "noise", bag.patient_id, epoch)
            tiles = tiles + np.float32(recipe.feature_noise) * rng.standard_normal(tiles.shape, np.float32)
        return tiles

    def _validation_tiles(self, index: int) -> NDArray[np.float32]:
        return self._drawn(index, self._recipe.validation_tiles, "validation tiles")

    def _drawn(self, index: int, at_most: int | None, *names: str | int) -> NDArray[np.float32]:
        bag = self._bags[index]
        if at_most is None or len(bag.features) <= at_most:
            return self._scaled(index, None)
        rng = stream(self._recipe.seed, "mil", names[0], bag.patient_id, *names[1:])
        return self._scaled(index, np.sort(rng.choice(len(bag.features), at_most, replace=False)))

    def _scaled(self, index: int, some: NDArray[np.int64] | None) -> NDArray[np.float32]:
        if self._kept is None:
            return self._read(index, slice(None) if some is None else some)
        if index not in self._kept:
            self._kept[index] = self._read(index, slice(None))
        return self._kept[index] if some is None else self._kept[index][some]

    def _read(self, index: int, some: Any) -> NDArray[np.float32]:
        tiles = self._scaling(np.asarray(self._bags[index].features[some]))
        check_finite(tiles, f"the bag of patient {self._bags[index].patient_id}")
        return tiles


def _batch(bags: NDArray[np.int64], parts: list[NDArray[np.float32]]) -> TileBatch:
    return TileBatch(bags, parts[0] if len(parts) == 1 else np.concatenate(parts), [len(part) for part in parts])
