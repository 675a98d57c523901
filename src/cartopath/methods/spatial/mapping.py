"""A map of a section learned from the regions of others: composition, yield of RNA, and what counting makes of both.

Two things decide what is measured in a spot: which share of its RNA is of a gene, and how much RNA there is, since the logarithm
of few counts lies lower than that of many (`cartopath.stats.shot_noise`). Both are learned from regions by `region_ridge`, and
the map is the value that a spot of this composition and yield is expected to show. A few regions cannot teach every gene a
pattern of its own, so compositions differ along a few profiles only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cartopath.methods.spatial.choosing import chosen_noise, chosen_rank
from cartopath.methods.spatial.features import SpotFeatures
from cartopath.methods.spatial.region_ridge import LabelledRegions, predict_spots, shared_profiles
from cartopath.methods.spatial.regions import RegionLabels
from cartopath.stats.shot_noise import expected_log1p

Array = NDArray[np.float64]
YieldFrom = Literal["regions", "nuclei"]

_FEWEST_NUCLEI = 1e-3


@dataclass(frozen=True, eq=False)
class TrainingSection:
    """What may be learned from: what the picture shows, and the labels of regions. No spot's counts.

    Attributes:
        features: Of its spots.
        labels: Of its regions.
    """

    features: SpotFeatures
    labels: RegionLabels


@dataclass(frozen=True)
class Chosen:
    """What was chosen by leaving out one training section after the other.

    Attributes:
        noise: The penalty of the composition.
        rank: How many profiles genes share in it.
        yield_noise: The penalty of the yield; None where it was not learned.
    """

    noise: float
    rank: int
    yield_noise: float | None


@dataclass(frozen=True, eq=False)
class SpotMap:
    """What is expected of the spots of a section.

    Attributes:
        composition: (n_spots, n_genes): log1p of the expected counts of a spot of median depth.
        mean: (n_genes,): the same for the mean region.
        yields: (n_spots,): log of the counts expected of a spot, all genes together, against the mean spot.
        chosen: What was chosen without the section.
    """

    composition: Array
    mean: Array
    yields: Array
    chosen: Chosen

    @property
    def expected(self) -> Array:
        """The log1p values that spots are expected to show, (n_spots, n_genes)."""
        return self._counted(self.composition)

    @property
    def of_yield_alone(self) -> Array:
        """The same if all spots had the composition of the mean region."""
        return self._counted(np.tile(self.mean, (len(self.yields), 1)))

    def _counted(self, composition: Array) -> Array:
        relative = np.exp(self.yields)[:, None]
        return expected_log1p(np.expm1(np.maximum(composition, 0)) * relative, 1 / relative)


def learn_map(training: Sequence[TrainingSection], target: SpotFeatures, *, yield_from: YieldFrom) -> SpotMap:
    """Return the map of a section, learned from the regions of others.

    Args:
        training: Two or more sections.
        target: What the picture of the section to map shows at its spots.
        yield_from: `regions`: learned from how much was counted in regions; `nuclei`: in proportion to the share of a spot that
            is nuclei, without looking at how much was counted anywhere.
    """
    if yield_from == "nuclei":
        own, yields, yield_noise = [_of_nuclei(section.features) for section in training], _of_nuclei(target), None
    else:
        own, yields, yield_noise = _learned_yields(training, target)
    sections = [_compositions(section, relative) for section, relative in zip(training, own, strict=True)]
    noise = chosen_noise(sections)
    mean = np.mean([section.labels.mean(axis=0) for section in sections], axis=0)
    rank = chosen_rank(sections, noise)
    shared = shared_profiles(sections, rank)
    composition = mean + predict_spots(sections, target.values, [noise])[0] @ shared @ shared.T
    return SpotMap(composition, mean, yields, Chosen(noise, rank, yield_noise))


def _learned_yields(training: Sequence[TrainingSection], target: SpotFeatures) -> tuple[list[Array], Array, float]:
    """Return the yields of the spots of every training section and of the target, and the penalty."""
    sections = [
        _labelled(section, np.ones(section.labels.members.shape[1]), section.labels.yields[:, None]) for section in training
    ]
    noise = chosen_noise(sections)
    own = [predict_spots(sections, section.features, [noise])[0][:, 0] for section in sections]
    return own, predict_spots(sections, target.values, [noise])[0][:, 0], noise


def _of_nuclei(features: SpotFeatures) -> Array:
    yields = np.log(np.maximum(features.nuclei, _FEWEST_NUCLEI))
    return np.asarray(yields - yields.mean())


def _compositions(section: TrainingSection, yields: Array) -> LabelledRegions:
    """Return regions whose label is their composition: a spot counts in it as much as it yields."""
    return _labelled(section, np.exp(yields), section.labels.profiles)


def _labelled(section: TrainingSection, share: Array, labels: Array) -> LabelledRegions:
    weights = section.labels.members * share
    return LabelledRegions(section.features.values, weights / weights.sum(axis=1, keepdims=True), section.labels.n_spots, labels)
