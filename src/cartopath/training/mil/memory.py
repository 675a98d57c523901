"""How many jobs are trained together, and how many such lots side by side, so that memory suffices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cartopath.models.mil.spec import MilSpec
from cartopath.training.mil.bags import Bag
from cartopath.training.mil.jobs import Job, groups_of
from cartopath.training.mil.spec import MilTraining

if TYPE_CHECKING:
    from numpy.typing import NDArray

VALIDATION_TILES = 2048
"""Tiles of validation bags looked at together."""

_MOST_JOBS, _MOST_JOBS_ON_GPU = 128, 1024


@dataclass(frozen=True, slots=True)
class Group:
    """Jobs that share their bags: their positions, and how many of them make a lot."""

    positions: list[int]
    lot: int


@dataclass(frozen=True, slots=True)
class Plan:
    """How all jobs are trained.

    Attributes:
        groups: Of jobs that share their bags.
        lots_at_once: How many lots are trained side by side.
        bytes_of_tiles: What tiles may take.
    """

    groups: list[Group]
    lots_at_once: int
    bytes_of_tiles: int


def plan_of(
    jobs: Sequence[Job], bags: Sequence[Bag], spec: MilSpec, recipe: MilTraining, *, memory_bytes: int, threads: int, on_gpu: bool
) -> Plan:
    """Return how to train jobs within some memory.

    A lot takes at most an eighth of it (on a GPU half, one lot at a time) or is one job, and has at most 128 jobs (1,024): more
    gain nothing, since what they share costs little by then, and less stays in the processor's cache. The number of threads
    decides about what is done side by side only, never about what makes a lot, so results do not depend on it.
    """
    share = memory_bytes // (2 if on_gpu else 8)
    groups, largest = [], 1
    for positions in groups_of(jobs):
        own = _job_bytes(spec, recipe, bags, np.asarray(jobs[positions[0]].train, np.int64))
        lot = max(1, min(_MOST_JOBS_ON_GPU if on_gpu else _MOST_JOBS, share // own))
        groups.append(Group(positions, lot))
        largest = max(largest, min(lot, len(positions)) * own)
    at_once = 1 if on_gpu else max(1, min(threads, memory_bytes // 2 // largest))
    return Plan(groups, at_once, memory_bytes // 4)


def _job_bytes(spec: MilSpec, recipe: MilTraining, bags: Sequence[Bag], train: NDArray[np.int64]) -> int:
    """Return what a job takes while it is trained."""
    sizes = sorted((len(bags[index].features) for index in train), reverse=True)
    if recipe.tiles_per_bag is not None:
        sizes = [min(size, recipe.tiles_per_bag) for size in sizes]
    n_tiles = max(sum(sizes[: recipe.bags_per_step]), VALIDATION_TILES)
    n_features = recipe.components or spec.n_features
    return _weights_bytes(spec, recipe, n_features) + n_tiles * _bytes_per_tile(spec) + _dropout_bytes(spec, len(train))


def _weights_bytes(spec: MilSpec, recipe: MilTraining, n_features: int) -> int:
    from cartopath.models.mil import parameter_shapes

    n_weights = sum(math.prod(shape) for shape in parameter_shapes(replace(spec, n_features=n_features)).values())
    return 4 * n_weights * (4 + (1 if recipe.optimizer == "sgd" else 2))


def _bytes_per_tile(spec: MilSpec) -> int:
    """Return what a tile takes on the way through a head and back."""
    hidden = 0 if spec.is_folded else spec.width * spec.depth * (10 if spec.head == "transformer" else 4)
    attention = spec.n_attention * (8 if spec.head == "gated_attention" else 2) if spec.has_attention else 0
    return 4 * (hidden + attention + 6 * spec.n_outputs)


def _dropout_bytes(spec: MilSpec, n_train: int) -> int:
    return 4 * n_train * spec.n_droppable if spec.rate else 0
