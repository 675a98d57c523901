"""Maps that exist already, judged by the spots of a section: tables of predictions, or the tile scores of a study."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from cartopath.core.errors import TableError, closest
from cartopath.methods.spatial.array_layout import read_matrix
from cartopath.methods.spatial.scoring import Scores, scores
from cartopath.methods.spatial.section import Section
from cartopath.store.artifacts import read_header, read_table

THE_MAP, SHUFFLED = "map", "null: spots of the map shuffled"
MIN_SPOTS_SEEN = 10


def judge_map(path: Path, sections: Sequence[Section], rng: np.random.Generator) -> list[Scores]:
    """Return how well a map agrees with the spots of sections, and what is left of it once its spots are shuffled.

    Args:
        path: A folder with `<section>.csv` for each section, spots x genes; or one of a study, `scores/<method>`, with a folder
            per gene and the tile scores of each section in it, whose slides are the sections' pictures.
        sections: What was measured.
        rng: For the null.

    Raises:
        TableError: Something is missing, or the map knows no gene or too few spots of a section.
    """
    maps = {section.name: map_of_section(path, section) for section in sections}
    shared = set.intersection(*(set(made.columns) for made in maps.values()))
    genes = [gene for gene in next(iter(maps.values())).columns if gene in shared]
    if not genes:
        raise TableError(f"{path}: the maps of {', '.join(maps)} share no gene")
    own = {section.name: maps[section.name][genes].reindex(section.counts.index).to_numpy(float) for section in sections}
    null = {name: _shuffled(values, rng) for name, values in own.items()}
    return [scores(THE_MAP, own, sections, genes), scores(SHUFFLED, null, sections, genes)]


def _shuffled(values: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a map whose spots have changed places, those that it does not show left where they are."""
    shown = np.flatnonzero(np.isfinite(values).all(axis=1))
    shuffled = values.copy()
    shuffled[shown] = values[rng.permutation(shown)]
    return shuffled


def map_of_section(path: Path, section: Section) -> pd.DataFrame:
    """Return the map of a section, spots x genes; spots that it does not show are left out.

    Raises:
        TableError: There is no map of this section, or it shows no measured gene or too few of its spots.
    """
    table = path / f"{section.name}.csv"
    if not path.is_dir():
        raise TableError(f"{path}: no such folder; name one with {section.name}.csv, or scores/<method> of a study")
    made = _of_table(table, section) if table.is_file() else _of_study(path, section)
    genes = [gene for gene in made.columns if gene in section.counts.columns]
    if not genes:
        near = closest(str(made.columns[0]), list(section.counts.columns))
        raise TableError(f"{path}: {made.columns[0]!r} was not measured in {section.name} (closest: {', '.join(near) or 'none'})")
    if len(made) < MIN_SPOTS_SEEN:
        raise TableError(f"{path}: {len(made)} spots of {section.name} are on the map; at least {MIN_SPOTS_SEEN} are needed")
    return made[genes]


def _of_table(path: Path, section: Section) -> pd.DataFrame:
    table = read_matrix(path)
    if not table.index.is_unique:
        raise TableError(f"{path}: spot {table.index[table.index.duplicated()][0]!r} has several rows")
    known = table.loc[table.index.isin(section.counts.index)]
    if not len(known):
        raise TableError(
            f"{path}: none of its rows ({', '.join(table.index[:3])}, ...) is a spot of {section.name} "
            f"({', '.join(map(str, section.counts.index[:3]))}, ...)"
        )
    if not np.isfinite(known.to_numpy(float)).all():
        raise TableError(f"{path}: some predictions are missing or infinite")
    return known


def _of_study(path: Path, section: Section) -> pd.DataFrame:
    files = {folder.name: folder / f"{section.name}.parquet" for folder in sorted(path.iterdir()) if folder.is_dir()}
    found = {gene: file for gene, file in files.items() if file.is_file()}
    if not found:
        raise TableError(f"{path}: neither {section.name}.csv nor <gene>/{section.name}.parquet")
    return pd.DataFrame({gene: _of_tiles(file, section) for gene, file in found.items()}).dropna()


def _of_tiles(path: Path, section: Section) -> pd.Series:
    """Return for each spot the mean score of the tiles that lie on it, or of the tile it lies on; NaN where there is neither."""
    tiles = read_table(path, "scores", columns=["x_px0", "y_px0", "score"])
    half = float(read_header(path, "scores").meta["window_px0"]) / 2
    scores = tiles["score"].to_numpy(float)
    middles = tiles[["x_px0", "y_px0"]].to_numpy(float) + half
    tree = cKDTree(middles)
    near = tree.query_ball_point(section.centres_px, section.pitch_px / 2)
    offset, nearest = tree.query(section.centres_px, p=np.inf)
    alone = np.where(offset <= half, scores[np.minimum(nearest, len(scores) - 1)], np.nan)
    values = [scores[own].mean() if own else one for own, one in zip(near, alone, strict=True)]
    return pd.Series(values, index=section.counts.index)
