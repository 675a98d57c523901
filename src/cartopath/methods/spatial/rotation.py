"""One section mapped from the others: the map, and what stands beside it.

Beside the map stand what it must beat and what it cannot reach without spots: the mean profile at the yield that the picture
shows (no gene is told from another), labels of regions whose spots were shuffled within the section (no picture tells anything),
a plain ridge regression on the same labels, and one that was taught by the spots themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartopath.methods.spatial.features import SpotFeatures
from cartopath.methods.spatial.mapping import SpotMap, TrainingSection, YieldFrom, learn_map
from cartopath.methods.spatial.region_ridge import LabelledRegions, predict_spots
from cartopath.methods.spatial.regions import RegionLabels

THE_MAP, OTHER_YIELD, COMPOSITION = "map from region labels", "the same, yield from {}", "composition alone"
YIELD_ALONE, SHUFFLED, PLAIN, TAUGHT = (
    "null: mean profile at the yield seen",
    "null: spots shuffled within sections",
    "baseline: plain ridge on region labels",
    "reference: ridge taught by the spots",
)
_PLAIN_NOISE, _TAUGHT_NOISE = 0.3, 10.0

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Ground:
    """What is known of all sections, in one order.

    Attributes:
        features: What their pictures show.
        labels: Their regions.
        shuffled: The labels that regions would have if spots had changed places, once per shuffle.
        truths: Measured log1p values, (n_spots, n_genes); only the reference learns from them.
    """

    features: Sequence[SpotFeatures]
    labels: Sequence[RegionLabels]
    shuffled: Sequence[Sequence[RegionLabels]]
    truths: Sequence[Array]


@dataclass(frozen=True, eq=False)
class Rotation:
    """The maps of one section, learned from the others.

    Attributes:
        own: The map.
        beside: What stands beside it, by name, (n_spots, n_genes) each.
        shuffled: The map that each shuffle teaches.
    """

    own: SpotMap
    beside: dict[str, Array]
    shuffled: list[Array]


def rotation(ground: Ground, held_out: int, *, yield_from: YieldFrom) -> Rotation:
    """Return the maps of a section, learned from all others.

    Args:
        ground: What is known.
        held_out: Which section is mapped; nothing of it is used but its picture.
        yield_from: See `learn_map`.
    """
    others = [i for i in range(len(ground.features)) if i != held_out]
    target = ground.features[held_out]

    def training(labels: Sequence[RegionLabels]) -> list[TrainingSection]:
        return [TrainingSection(ground.features[i], labels[i]) for i in others]

    known, other = training(ground.labels), _other(yield_from)
    own = learn_map(known, target, yield_from=yield_from)
    beside = {
        OTHER_YIELD.format(other): learn_map(known, target, yield_from=other).expected,
        COMPOSITION: own.composition,
        YIELD_ALONE: own.of_yield_alone,
        PLAIN: _plain(known, target),
        TAUGHT: _taught([ground.features[i] for i in others], [ground.truths[i] for i in others], target),
    }
    fooled = [learn_map(training(labels), target, yield_from=yield_from).expected for labels in ground.shuffled]
    return Rotation(own, beside, fooled)


def ways(yield_from: YieldFrom) -> list[str]:
    """Return the names of the ways to make a map, in the order in which they are shown."""
    return [THE_MAP, OTHER_YIELD.format(_other(yield_from)), COMPOSITION, YIELD_ALONE, SHUFFLED, PLAIN, TAUGHT]


def _other(yield_from: YieldFrom) -> YieldFrom:
    return "nuclei" if yield_from == "regions" else "regions"


def _plain(training: Sequence[TrainingSection], target: SpotFeatures) -> Array:
    regions = []
    for section in training:
        weights = section.labels.members / section.labels.n_spots[:, None]
        regions.append(LabelledRegions(section.features.values, weights, np.ones(len(weights)), section.labels.profiles))
    return predict_spots(regions, target.values, [_PLAIN_NOISE])[0]


def _taught(features: Sequence[SpotFeatures], truths: Sequence[Array], target: SpotFeatures) -> Array:
    """Return what a ridge regression says whose regions are single spots."""
    spots = [
        LabelledRegions(seen.values, np.eye(len(truth)), np.ones(len(truth)), truth)
        for seen, truth in zip(features, truths, strict=True)
    ]
    return predict_spots(spots, target.values, [_TAUGHT_NOISE])[0]
