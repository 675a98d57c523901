"""How many jobs fit in memory together, and how many tiles beside them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from cartopath.models.mil.spec import MilSpec
from cartopath.training.mil.bags import Bag
from cartopath.training.mil.spec import MilTraining

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_JOBS = 256
_VALIDATION_TILES = 4096


def tiles_in_memory(memory_bytes: int) -> int:
    """Return how many bytes of tiles may be kept: half of all."""
    return memory_bytes // 2


def jobs_at_once(spec: MilSpec, recipe: MilTraining, bags: Sequence[Bag], train: NDArray[np.int64], *, memory_bytes: int) -> int:
    """Return how many jobs to train together: what fits in the other half of memory, at least one.

    More than 256 gain nothing: what is shared costs little by then, and smaller arrays stay nearer to the processor.
    """
    sizes = sorted((len(bags[index].features) for index in train), reverse=True)
    if recipe.tiles_per_bag is not None:
        sizes = [min(size, recipe.tiles_per_bag) for size in sizes]
    n_tiles = max(sum(sizes[: recipe.bags_per_step]), _VALIDATION_TILES // 4)
    own = _weights_bytes(spec, recipe) + n_tiles * _bytes_per_tile(spec) + _dropout_bytes(spec, len(train))
    return max(1, min(_MOST_JOBS, (memory_bytes // 2) // own))


def _weights_bytes(spec: MilSpec, recipe: MilTraining) -> int:
    from cartopath.models.mil import parameter_shapes

    n_weights = sum(math.prod(shape) for shape in parameter_shapes(spec).values())
    return 4 * n_weights * (4 + (1 if recipe.optimizer == "sgd" else 3))


def _bytes_per_tile(spec: MilSpec) -> int:
    """Return what a tile takes on the way through a head and back."""
    hidden = spec.width * spec.depth * (10 if spec.head == "transformer" else 4)
    attention = spec.n_attention * 4 if spec.has_attention else 0
    return 4 * (hidden + attention + 6 * spec.n_outputs)


def _dropout_bytes(spec: MilSpec, n_train: int) -> int:
    return 4 * n_train * spec.width * spec.depth if spec.rate else 0
