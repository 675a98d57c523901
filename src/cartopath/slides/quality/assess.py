"""The quality of one slide: its thumbnail is looked at everywhere, its pixels on a sample of tiles."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.slides.grid import TileGrid, TileSpec, tile_grid
from cartopath.slides.quality.classes import FROM_TILES, QUALITY_CLASSES, TILE_FLAGS
from cartopath.slides.quality.classify import classify_thumbnail
from cartopath.slides.quality.limits import QualityLimits
from cartopath.slides.quality.summary import Sampled, summarise
from cartopath.slides.quality.tile_pixels import tile_measures
from cartopath.slides.slide import Slide
from cartopath.slides.stream import map_tiles
from cartopath.slides.tissue import TissueMask, tissue_mask, tissue_thumbnail


@dataclass(frozen=True, slots=True)
class SlideQuality:
    """What is wrong with a slide, and where.

    Attributes:
        thumbnail: uint8 (h, w, 3) RGB, the whole slide.
        map: uint8 (h, w): the `number` of one of `QUALITY_CLASSES`; blur, stain and saturation only where tiles were decoded.
        tissue: bool (h, w).
        tiles: One row for each tile with enough tissue, by row and then column: `col`, `row`, `x_px0`, `y_px0`,
            `tissue_fraction`, the share of the tile for each of `TILE_FLAGS` (NaN where it needs pixels that were not decoded),
            `sharpness` (NaN likewise) and `is_sampled`.
        measures: `MEASURES` of the slide; NaN where there is nothing to measure.
    """

    thumbnail: NDArray[np.uint8]
    map: NDArray[np.uint8]
    tissue: NDArray[np.bool_]
    tiles: pd.DataFrame
    measures: dict[str, float]


def slide_quality(slide: Slide, spec: TileSpec, *, n_sample: int | None = 64, seed: int = 0, threads: int = 1) -> SlideQuality:
    """Judge a slide.

    Args:
        slide: The slide.
        spec: The tiles that it would be cut into; only those with enough tissue on the thumbnail are considered.
        n_sample: How many of them to decode, spread over the slide by chance; all if None.
        seed: Of that chance.
        threads: How many tiles are decoded at once. Does not change the result.

    Raises:
        SlideError: The slide is too coarse for these tiles, or cannot be read at all. Tiles that cannot be decoded are counted.
    """
    grid = tile_grid(slide, spec)
    thumbnail = tissue_thumbnail(slide, grid.window_px0)
    tissue = tissue_mask(thumbnail)
    size = slide.dimensions_px0
    mpp = max(size.width / thumbnail.shape[1], size.height / thumbnail.shape[0]) * slide.mpp
    classes = classify_thumbnail(thumbnail, mpp, tissue)
    _mark_lost(classes, slide)
    tiles = _considered(TissueMask(tissue, size), grid, spec)
    _add_shares(tiles, classes, slide, grid.window_px0)
    chosen = _chosen(len(tiles), n_sample, seed)
    sampled = _look_at(slide, tiles, chosen, grid, threads)
    _add_sampled(tiles, sampled)
    _paint(classes, tissue, tiles, slide, grid.window_px0)
    return SlideQuality(thumbnail, classes, tissue, tiles, summarise(classes, thumbnail, tissue, tiles, sampled, mpp))


def _mark_lost(classes: NDArray[np.uint8], slide: Slide) -> None:
    """Mark what cannot be decoded in a quality map."""
    height, width = classes.shape
    per_col, per_row = width / slide.dimensions_px0.width, height / slide.dimensions_px0.height
    for left, top, right, bottom in slide.lost_px0:
        rows = slice(int(top * per_row), max(int(top * per_row) + 1, int(np.ceil(bottom * per_row))))
        cols = slice(int(left * per_col), max(int(left * per_col) + 1, int(np.ceil(right * per_col))))
        classes[rows, cols] = QUALITY_CLASSES["unreadable"].number


def _considered(tissue: TissueMask, grid: TileGrid, spec: TileSpec) -> pd.DataFrame:
    """Return the tiles with enough tissue."""
    cells = grid.cells()
    xy_px0 = grid.xy_px0(cells)
    fraction = tissue.fraction(xy_px0[:, 0], xy_px0[:, 1], grid.window_px0)
    kept = np.flatnonzero(fraction >= spec.min_tissue)
    columns = {
        "col": cells[kept, 0].astype(np.int32),
        "row": cells[kept, 1].astype(np.int32),
        "x_px0": xy_px0[kept, 0],
        "y_px0": xy_px0[kept, 1],
        "tissue_fraction": fraction[kept],
    }
    return pd.DataFrame(columns)


def _add_shares(tiles: pd.DataFrame, classes: NDArray[np.uint8], slide: Slide, window_px0: int) -> None:
    """Add the share of each tile that a flaw covers on the map; NaN for those that the thumbnail does not tell."""
    x, y = tiles["x_px0"].to_numpy(), tiles["y_px0"].to_numpy()
    for name in TILE_FLAGS:
        if name in FROM_TILES:
            tiles[name] = np.nan
            continue
        mask = classes == QUALITY_CLASSES[name].number
        tiles[name] = TissueMask(mask, slide.dimensions_px0).fraction(x, y, window_px0) if mask.any() else 0.0


def _chosen(n_tiles: int, n_sample: int | None, seed: int) -> NDArray[np.intp]:
    """Return which tiles to decode: one out of each of `n_sample` equal stretches of the table, so that all parts are seen."""
    if n_sample is None or n_sample >= n_tiles:
        return np.arange(n_tiles)
    borders = np.linspace(0, n_tiles, n_sample + 1)
    places = borders[:-1] + np.random.default_rng(seed).random(n_sample) * np.diff(borders)
    return np.unique(np.minimum(places.astype(np.intp), n_tiles - 1))


def _look_at(slide: Slide, tiles: pd.DataFrame, chosen: NDArray[np.intp], grid: TileGrid, threads: int) -> Sampled:
    """Return the measures of the chosen tiles; None for those that cannot be decoded."""
    xy_px0 = tiles[["x_px0", "y_px0"]].to_numpy()[chosen]
    measure = functools.partial(tile_measures, mpp=grid.mpp)
    measured = map_tiles(measure, slide, xy_px0, window_px0=grid.window_px0, size_px=grid.size_px, threads=threads)
    return Sampled(chosen, tuple(measured))


def _add_sampled(tiles: pd.DataFrame, sampled: Sampled) -> None:
    tiles["sharpness"] = np.nan
    for name in (*FROM_TILES, "sharpness"):
        values = np.full(len(tiles), np.nan)
        values[sampled.rows] = sampled.values(name)
        tiles[name] = values
    is_sampled = np.zeros(len(tiles), bool)
    is_sampled[sampled.rows] = True
    tiles["is_sampled"] = is_sampled


def _paint(classes: NDArray[np.uint8], tissue: NDArray[np.bool_], tiles: pd.DataFrame, slide: Slide, window_px0: int) -> None:
    """Mark on the map the tissue of decoded tiles that are out of focus, badly stained or clipped."""
    height, width = classes.shape
    per_col, per_row = width / slide.dimensions_px0.width, height / slide.dimensions_px0.height
    limits = QualityLimits().tile_share
    for name in reversed(FROM_TILES):
        flawed = tiles.loc[tiles[name] >= limits[name], ["x_px0", "y_px0"]]
        for x, y in flawed.to_numpy():
            rows = slice(round(y * per_row), round((y + window_px0) * per_row))
            cols = slice(round(x * per_col), round((x + window_px0) * per_col))
            is_plain = tissue[rows, cols] & (classes[rows, cols] <= QUALITY_CLASSES["tissue"].number)
            classes[rows, cols][is_plain] = QUALITY_CLASSES[name].number
