"""Where the tiles of an atlas lie: a balanced sample, its plane and its clusters (F57)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.core.errors import ArtifactError
from cartopath.core.rng import seed_for, stream
from cartopath.maps.receptor_map import receptor_scores
from cartopath.stats.atlas import atlas_clusters, balanced_sample, embed
from cartopath.store.artifacts import read_table
from cartopath.store.embeddings import read_embeddings

MOST_TILES = 3000
"""Tiles of an atlas at most: t-SNE of so many takes about ten seconds."""
FEWEST_TILES = 12


@dataclass(frozen=True)
class AtlasSlide:
    """A slide whose tiles may be in an atlas.

    Attributes:
        slide_id: Its name.
        patient_id: Whose it is.
        path: The slide file.
        stated_mpp: Micrometres per level-0 pixel from a table.
        embeddings: Its fingerprints.
        scores: Its tile scores for the trait.
    """

    slide_id: str
    patient_id: str
    path: Path
    stated_mpp: float | None
    embeddings: Path
    scores: Path


def lay_out(trait: str, slides: Sequence[AtlasSlide], *, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tiles of an atlas with their places and clusters, and the clusters that were chosen.

    Too few tiles for a plane lie in its origin, and no cluster is chosen.

    Args:
        trait: Whose scores colour the tiles.
        slides: Whose tiles they are.
        seed: Of the sample, t-SNE and k-means.
    """
    tables = [read_table(slide.scores, "scores", columns=["col", "row", "x_px0", "y_px0", "score"]) for slide in slides]
    tiles = pd.concat(
        [table.assign(slide_id=one.slide_id, patient_id=one.patient_id) for one, table in zip(slides, tables, strict=True)],
        ignore_index=True,
    )
    rows = balanced_sample(tiles["patient_id"].to_numpy(), MOST_TILES, rng=stream(seed, "atlas tiles", trait))
    chosen = tiles.iloc[rows].reset_index(drop=True)
    chosen["score"] = receptor_scores(chosen["score"].to_numpy())
    features = np.concatenate([_features(slide, own) for slide, own in by_slide(slides, chosen)])
    is_enough = len(chosen) >= FEWEST_TILES
    places = embed(features, seed=seed_for(seed, "atlas plane", trait)) if is_enough else np.zeros((len(chosen), 2))
    patients = chosen["patient_id"].to_numpy()
    clustering = seed_for(seed, "atlas clusters", trait)
    found = atlas_clusters(places, chosen["score"], patients, seed=clustering, centres=None if is_enough else np.empty((0, 2)))
    chosen = chosen.assign(trait=trait, x=places[:, 0], y=places[:, 1], cluster=found.assignment)
    shown = found.picks.set_index("row")
    chosen["rank"] = chosen.index.map(shown["rank"]).astype("Int64")
    chosen["distance"] = chosen.index.map(shown["distance"]).astype(float)
    return chosen, found.clusters


def by_slide(slides: Sequence[AtlasSlide], chosen: pd.DataFrame) -> list[tuple[AtlasSlide, pd.DataFrame]]:
    """Each slide with its chosen tiles, in the order in which they stand in `chosen`."""
    groups = dict(list(chosen.groupby("slide_id", sort=False)))
    return [(slide, groups[slide.slide_id]) for slide in slides if slide.slide_id in groups]


def _features(slide: AtlasSlide, tiles: pd.DataFrame) -> NDArray[np.float32]:
    """The fingerprints of some tiles of a slide, found by where the tiles lie."""
    embeddings, _ = read_embeddings(slide.embeddings)
    row_of = {(int(x), int(y)): row for row, (x, y) in enumerate(embeddings.xy_px0)}
    wanted = [(int(x), int(y)) for x, y in zip(tiles["x_px0"], tiles["y_px0"], strict=True)]
    lost = [place for place in wanted if place not in row_of]
    if lost:
        raise ArtifactError(f"{slide.embeddings}: no fingerprint of the tile at {lost[0]} and {len(lost) - 1} more; run again")
    features: NDArray[np.float32] = embeddings.features[[row_of[place] for place in wanted]].astype(np.float32)
    return features
