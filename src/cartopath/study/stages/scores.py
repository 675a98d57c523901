"""Reading what a method left behind: the tile scores of slides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cartopath.core.errors import ArtifactError
from cartopath.stats import percent_positive
from cartopath.store.artifacts import read_header, read_table
from cartopath.study.config import MethodConfig
from cartopath.study.run import Study, completed_key
from cartopath.study.stages.cohort import SlideRecord, tiled_records


@dataclass(frozen=True)
class SlideGeometry:
    """How the tiles of a slide lie on it.

    Attributes:
        n_rows: Rows of the tile grid.
        n_cols: Columns of the tile grid.
        window_px0: Side of a tile in level-0 pixels.
        mpp: Micrometres per level-0 pixel.
    """

    n_rows: int
    n_cols: int
    window_px0: int
    mpp: float

    @property
    def tile_um(self) -> float:
        """Side of a tile in micrometres."""
        return self.window_px0 * self.mpp


def scores_key(study: Study, trait: str, slide_id: str) -> str | None:
    """Return the key of a slide's scores for a trait, or None where there are none."""
    return completed_key(study.layout, "predict", f"{trait} {slide_id}")


def scored_records(study: Study, traits: list[str]) -> list[SlideRecord]:
    """Return the slides that have scores for all of `traits`."""
    return [r for r in tiled_records(study) if all(scores_key(study, trait, r.slide_id) is not None for trait in traits)]


def read_scores(study: Study, trait: str, slide_id: str) -> pd.DataFrame:
    """Return the tile scores of a slide: col, row, x_px0, y_px0, one `round_...` per round, score, vote."""
    return read_table(study.layout.scores(study.config.method.name, trait, slide_id), "scores")


def read_geometry(study: Study, trait: str, slide_id: str) -> SlideGeometry:
    """Return how the scored tiles of a slide lie on it."""
    meta = read_header(study.layout.scores(study.config.method.name, trait, slide_id), "scores").meta
    return SlideGeometry(int(meta["n_rows"]), int(meta["n_cols"]), int(meta["window_px0"]), float(meta["mpp"]))


def joined_scores(scores: dict[str, pd.DataFrame], column: str) -> pd.DataFrame:
    """Return one column of every trait, joined by tile and never by row.

    Args:
        scores: Tile scores by trait.
        column: `vote` or `score`.

    Returns:
        col, row and one column per trait, in order of row and col.

    Raises:
        ArtifactError: The traits do not have the same tiles.
    """
    joined: pd.DataFrame | None = None
    for trait, table in scores.items():
        own = table[["col", "row", column]].rename(columns={column: trait})
        joined = own if joined is None else joined.merge(own, on=["col", "row"], how="outer", validate="one_to_one")
    if joined is None:
        raise ArtifactError("no trait to join tile scores of")
    if joined.isna().to_numpy().any():
        raise ArtifactError(f"the tiles of {', '.join(scores)} are not the same: delete the scores of this slide and run again")
    return joined.sort_values(["row", "col"], ignore_index=True)


def round_columns(table: pd.DataFrame) -> list[str]:
    """Return the names of the columns that hold the scores of rounds, in order."""
    rounds = sorted(int(name.removeprefix("round_")) for name in table.columns if name.startswith("round_"))
    return [f"round_{round_}" for round_ in rounds]


def slide_score(method: MethodConfig, tiles: pd.DataFrame, name: str) -> float:
    """Return a slide's score by one round from the scores of its tiles.

    The share of tiles above the threshold; of fingerprints the mean; of attention what the weighted mean of values is as a score.

    Args:
        method: The recipe.
        tiles: From `read_scores`.
        name: Column of the round, such as `round_0`.
    """
    if method.name == "fingerprints":
        return mean_score(tiles[name])
    if method.name == "attention":
        weights = tiles[name.replace("round_", "weight_")].to_numpy(dtype=np.float64)
        return float(as_score((weights * as_value(tiles[name])).sum()))
    return percent_positive(tiles[name].to_numpy(), threshold=method.threshold)


def ensemble_score(method: str, tiles: pd.DataFrame) -> float:
    """Return a slide's score by the rounds that vote.

    The share of tiles that they call positive; of fingerprints the mean; of attention the mean of the rounds' values as a score.

    Args:
        method: Name of the recipe.
        tiles: From `read_scores`.
    """
    if method == "fingerprints":
        return mean_score(tiles["score"])
    if method == "attention":
        return float(as_score(tiles["contribution"].to_numpy(dtype=np.float64).sum()))
    return float(tiles["vote"].mean())


def mean_score(scores: ArrayLike) -> float:
    """Return the mean of the scores of tiles (Rawat et al. 2020)."""
    return float(np.asarray(scores, dtype=np.float64).mean())


LARGEST_VALUE = 15.0
"""Values beyond this cannot be told apart once they are scores of 32 bits."""


def as_score(values: ArrayLike) -> NDArray[np.float64]:
    """Return values in deviations from the training mean as scores from 0 to 1; the mean is 0.5.

    >>> as_score([0.0, 2.0]).round(3).tolist()
    [0.5, 0.881]
    """
    bounded = np.clip(np.asarray(values, dtype=np.float64), -LARGEST_VALUE, LARGEST_VALUE)
    return np.asarray(1.0 / (1.0 + np.exp(-bounded)))


def as_value(scores: ArrayLike) -> NDArray[np.float64]:
    """Return the values that `as_score` made scores of.

    >>> as_value(as_score([-3.0, 0.0, 1.5])).round(6).tolist()
    [-3.0, 0.0, 1.5]
    """
    known = np.asarray(scores, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return np.asarray(np.clip(np.log(known) - np.log1p(-known), -LARGEST_VALUE, LARGEST_VALUE))


def as_votes(joined: pd.DataFrame, traits: list[str]) -> np.ndarray:
    """Return the votes of joined tiles as booleans, shape (n_tiles, n_traits)."""
    votes: np.ndarray = joined[traits].to_numpy(dtype=bool)
    return votes
