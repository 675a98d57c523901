"""Sections as a test of maps: each is mapped from the region labels of the others and compared with its own spots.

Beside the map stand what it must beat and what it cannot reach without spots: the mean profile at the yield that the picture
shows (no gene is told from another), labels of regions whose spots were shuffled within the section (no picture tells anything),
a plain ridge regression on the same labels, and one that was taught by the spots themselves.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.core.errors import ConfigError
from cartopath.core.rng import stream
from cartopath.methods.spatial.features import SpotFeatures, spot_features
from cartopath.methods.spatial.mapping import SpotMap, TrainingSection, YieldFrom, learn_map
from cartopath.methods.spatial.region_ridge import LabelledRegions, predict_spots
from cartopath.methods.spatial.regions import RegionLabels, region_labels, region_members
from cartopath.methods.spatial.scoring import Scores, mean_scores, measured, most_counted, scores
from cartopath.methods.spatial.section import Section

MIN_SECTIONS = 3
THE_MAP, OTHER_YIELD, COMPOSITION = "map from region labels", "the same, yield from {}", "composition alone"
YIELD_ALONE, SHUFFLED, PLAIN, TAUGHT = (
    "null: mean profile at the yield seen",
    "null: spots shuffled within sections",
    "baseline: plain ridge on region labels",
    "reference: ridge taught by the spots",
)
ORDER = (THE_MAP, OTHER_YIELD, COMPOSITION, YIELD_ALONE, SHUFFLED, PLAIN, TAUGHT)
N_SHUFFLES = 10
_PLAIN_NOISE, _TAUGHT_NOISE = 0.3, 10.0

Array = NDArray[np.float64]
News = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class ValidationSpec:
    """How maps are made and judged.

    Attributes:
        n_genes: How many of the most counted genes.
        region_size: Side of a region in spots.
        min_spots: Spots that a region must have.
        yield_from: Where the yield of RNA of spots comes from; see `learn_map`.
        seed: Of the shuffled null.
    """

    n_genes: int = 500
    region_size: int = 5
    min_spots: int = 4
    yield_from: YieldFrom = "regions"
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Validation:
    """What came of a validation.

    Attributes:
        genes: Which were mapped.
        maps: Predicted log1p values of each section, spots x genes.
        scores: Of the map first, then of what stands beside it.
        sections: One row per section: spots, regions, and what was chosen without it.
    """

    genes: list[str]
    maps: dict[str, pd.DataFrame]
    scores: list[Scores]
    sections: pd.DataFrame


def validate(sections: Sequence[Section], spec: ValidationSpec, *, news: News = lambda text: None) -> Validation:
    """Map each section from the region labels of the others and judge the map by its spots.

    Args:
        sections: Three or more.
        spec: How.
        news: Is told what is being done.

    Raises:
        ConfigError: There are fewer sections.
        TableError: They share no gene.
        LabelError: A section has too few regions.
        SlideError: A picture cannot be read or does not belong to its spots.
    """
    if len(sections) < MIN_SECTIONS:
        raise ConfigError(
            f"{len(sections)} sections: a map is learned from at least two others, so {MIN_SECTIONS} are needed; one section is "
            "enough to judge a map that exists (--map)"
        )
    genes = most_counted(sections, spec.n_genes)
    members = [region_members(s, size=spec.region_size, min_spots=spec.min_spots) for s in sections]
    features = _features(sections, news)
    labels = [region_labels(s, genes, m) for s, m in zip(sections, members, strict=True)]
    shuffled = [_shuffled_labels(sections, members, genes, stream(spec.seed, "shuffled", i)) for i in range(N_SHUFFLES)]
    truths = [measured(section, genes).to_numpy() for section in sections]
    maps: dict[str, dict[str, Array]] = defaultdict(dict)
    rows = []
    for held_out, section in enumerate(sections):
        news(f"{section.name}: mapped from the regions of the others")
        others = [i for i in range(len(sections)) if i != held_out]
        target = features[held_out]
        training = [TrainingSection(features[i], labels[i]) for i in others]
        own = learn_map(training, target, yield_from=spec.yield_from)
        other: YieldFrom = "nuclei" if spec.yield_from == "regions" else "regions"
        made = {
            THE_MAP: own.expected,
            OTHER_YIELD.format(other): learn_map(training, target, yield_from=other).expected,
            COMPOSITION: own.composition,
            YIELD_ALONE: own.of_yield_alone,
            PLAIN: _plain(training, target),
            TAUGHT: _taught([features[i] for i in others], [truths[i] for i in others], target),
        }
        for shuffle, of_shuffle in enumerate(shuffled):
            fooled = [TrainingSection(features[i], of_shuffle[i]) for i in others]
            maps[f"{SHUFFLED} {shuffle}"][section.name] = learn_map(fooled, target, yield_from="regions").expected
        for name, values in made.items():
            maps[name][section.name] = values
        rows.append(_row(section, len(labels[held_out].members), own))
    frames = {s.name: pd.DataFrame(maps[THE_MAP][s.name], index=s.counts.index, columns=genes) for s in sections}
    nulls = [scores(SHUFFLED, maps.pop(f"{SHUFFLED} {shuffle}"), sections, genes) for shuffle in range(N_SHUFFLES)]
    judged = [scores(name, made, sections, genes) for name, made in maps.items()]
    judged.append(mean_scores(SHUFFLED, nulls))
    judged.sort(key=lambda one: ORDER.index(one.name) if one.name in ORDER else 1)
    return Validation(genes, frames, judged, pd.DataFrame(rows))


def _shuffled_labels(
    sections: Sequence[Section], members: Sequence[NDArray[np.bool_]], genes: Sequence[str], rng: np.random.Generator
) -> list[RegionLabels]:
    """Return the labels that regions would have if the spots of each section had changed places."""
    return [
        region_labels(section, genes, own, order=rng.permutation(len(section.counts)))
        for section, own in zip(sections, members, strict=True)
    ]


def _features(sections: Sequence[Section], news: News) -> list[SpotFeatures]:
    """Return the features of all sections; what does not vary in one is used in none."""
    seen = []
    for section in sections:
        news(f"{section.name}: looking at {len(section.counts):,} spots ({section.mpp:.2f} um per pixel)")
        seen.append(spot_features(section))
    shared = [name for name in seen[0].names if all(name in features.names for features in seen)]
    return [features.only(shared) for features in seen]


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


def _row(section: Section, n_regions: int, own: SpotMap) -> Mapping[str, object]:
    return {
        "section": section.name,
        "n_spots": len(section.counts),
        "n_regions": n_regions,
        "mpp": round(section.mpp, 4),
        **dataclasses.asdict(own.chosen),
        "notes": "; ".join(section.notes),
    }
