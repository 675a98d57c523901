"""Sections as a test of maps: each is mapped from the region labels of the others and compared with its own spots."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.core.errors import ConfigError
from cartopath.core.rng import stream
from cartopath.methods.spatial.features import SpotFeatures, spot_features
from cartopath.methods.spatial.mapping import SpotMap, YieldFrom
from cartopath.methods.spatial.regions import RegionLabels, region_labels, region_members
from cartopath.methods.spatial.rotation import SHUFFLED, THE_MAP, Ground, Rotation, rotation, ways
from cartopath.methods.spatial.scoring import Scores, mean_scores, measured, most_counted, scores
from cartopath.methods.spatial.section import Section

MIN_SECTIONS, N_SHUFFLES = 3, 10
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
    ground = Ground(
        features,
        [region_labels(s, genes, m) for s, m in zip(sections, members, strict=True)],
        [_shuffled_labels(sections, members, genes, stream(spec.seed, "shuffled", i)) for i in range(N_SHUFFLES)],
        [measured(section, genes).to_numpy() for section in sections],
    )
    rotations = {}
    for held_out, section in enumerate(sections):
        news(f"{section.name}: mapped from the regions of the others")
        rotations[section.name] = rotation(ground, held_out, yield_from=spec.yield_from)
    maps = {s.name: pd.DataFrame(rotations[s.name].own.expected, index=s.counts.index, columns=genes) for s in sections}
    rows = [_row(s, len(m), rotations[s.name].own) for s, m in zip(sections, members, strict=True)]
    return Validation(genes, maps, _judged(rotations, ways(spec.yield_from), sections, genes), pd.DataFrame(rows))


def _judged(
    rotations: Mapping[str, Rotation], names: Sequence[str], sections: Sequence[Section], genes: Sequence[str]
) -> list[Scores]:
    """Return the scores of all ways, in the order of their names."""

    def of(name: str) -> Scores:
        if name == SHUFFLED:
            shuffles = [{section: made.shuffled[i] for section, made in rotations.items()} for i in range(N_SHUFFLES)]
            return mean_scores(name, [scores(name, maps, sections, genes) for maps in shuffles])
        maps = {s: made.own.expected if name == THE_MAP else made.beside[name] for s, made in rotations.items()}
        return scores(name, maps, sections, genes)

    return [of(name) for name in names]


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


def _row(section: Section, n_regions: int, own: SpotMap) -> Mapping[str, object]:
    return {
        "section": section.name,
        "n_spots": len(section.counts),
        "n_regions": n_regions,
        "mpp": round(section.mpp, 4),
        **dataclasses.asdict(own.chosen),
        "notes": "; ".join(section.notes),
    }
