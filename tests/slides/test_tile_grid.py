"""The grid covers a slide with squares of one physical size."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartopath.core.errors import ConfigError, SlideError
from cartopath.core.geometry import SizePx0
from cartopath.slides import Resolution, TileSpec, tile_grid


@dataclass(frozen=True)
class Sizes:
    """All that a grid needs of a slide."""

    dimensions_px0: SizePx0
    mpp: float
    path: Path = Path("a.svs")

    @property
    def resolution(self):
        return Resolution(self.mpp, "table")


def grid_of(width, height, mpp, spec=None):
    return tile_grid(Sizes(SizePx0(width, height), mpp), spec or TileSpec())


@pytest.mark.parametrize(("mpp", "window"), [(0.5, 512), (0.25, 1024), (0.2525, 1013), (0.499, 513), (0.1, 2560)])
def test_a_tile_of_512_px_at_half_a_micrometre_is_256_um(mpp, window):
    grid = grid_of(10_000, 10_000, mpp)
    assert grid.window_px0 == window
    assert 256 - mpp < grid.window_px0 * mpp <= 256


def test_edge_tiles_are_skipped_and_counted():
    grid = grid_of(1100, 2047, 0.5)
    assert (grid.n_cols, grid.n_rows, grid.n_edge) == (2, 3, 3 * 4 - 2 * 3)


def test_edge_tiles_are_kept_when_padded():
    grid = grid_of(1100, 2047, 0.5, TileSpec(edge="pad"))
    assert (grid.n_cols, grid.n_rows, grid.n_edge) == (3, 4, 6)


def test_a_slide_smaller_than_a_tile_has_only_an_edge_tile():
    assert grid_of(100, 100, 0.5).cells().shape == (0, 2)
    assert grid_of(100, 100, 0.5).n_edge == 1
    assert grid_of(100, 100, 0.5, TileSpec(edge="pad")).cells().tolist() == [[0, 0]]


@settings(deadline=None)
@given(
    width=st.integers(1, 5000),
    height=st.integers(1, 5000),
    size_px=st.integers(32, 700),
    mpp=st.floats(0.1, 1.0),
    edge=st.sampled_from(["skip", "pad"]),
)
def test_tiles_cover_the_slide_without_gap_or_overlap(width, height, size_px, mpp, edge):
    spec = TileSpec(size_px=size_px, mpp=1.0, edge=edge)
    grid = grid_of(width, height, mpp, spec)
    window = grid.window_px0
    xy = grid.xy_px0(grid.cells())
    assert np.array_equal(xy, grid.cells() * window)
    covered_x = {x for corner in set(xy[:, 0].tolist()) for x in range(corner, corner + window)}
    if len(xy):
        assert covered_x == set(range(grid.n_cols * window))
    if edge == "skip":
        assert grid.n_cols * window <= width < (grid.n_cols + 1) * window
        assert grid.n_rows * window <= height < (grid.n_rows + 1) * window
    else:
        assert (grid.n_cols - 1) * window < width <= grid.n_cols * window
    touching = math.ceil(width / window) * math.ceil(height / window)
    assert len(xy) + (grid.n_edge if edge == "skip" else 0) == touching


def test_cells_come_row_by_row():
    assert grid_of(1024, 1536, 0.5).cells().tolist() == [[0, 0], [1, 0], [0, 1], [1, 1], [0, 2], [1, 2]]


def test_an_index_survives_csv_and_parquet(tmp_path):
    cells = grid_of(5000, 3000, 0.2525).cells()
    table = pd.DataFrame(cells, columns=["col", "row"])
    table.to_csv(tmp_path / "cells.csv", index=False)
    table.to_parquet(tmp_path / "cells.parquet")
    assert np.array_equal(pd.read_csv(tmp_path / "cells.csv"), cells)
    assert np.array_equal(pd.read_parquet(tmp_path / "cells.parquet"), cells)


def test_corners_do_not_overflow_on_the_largest_slides():
    assert grid_of(2_000_000, 100, 0.5).xy_px0(np.array([[3905, 0]], np.int32)).tolist() == [[3905 * 512, 0]]


def test_the_same_physical_area_gives_the_same_grid_at_any_resolution():
    grids = [grid_of(round(10_000 / mpp), round(7_000 / mpp), mpp) for mpp in (0.25, 0.5, 0.2525, 0.125, 0.499)]
    assert {(grid.n_cols, grid.n_rows) for grid in grids} == {(39, 27)}


def test_a_slide_coarser_than_its_tiles_is_refused_with_a_way_out():
    grid_of(5000, 5000, 0.54)
    with pytest.raises(SlideError, match=r"a\.svs: 0\.56 um/px \(table\) is too coarse for tiles at 0\.5 um/px; set tiles\.mpp"):
        grid_of(5000, 5000, 0.56)


@pytest.mark.parametrize(
    "change",
    [
        {"size_px": 4},
        {"size_px": 10_000},
        {"mpp": 0.0},
        {"mpp": float("nan")},
        {"max_background": 1.5},
        {"min_tissue": -0.1},
        {"edge": "x"},
    ],
)
def test_impossible_specifications_are_refused(change):
    with pytest.raises(ConfigError, match=next(iter(change))):
        replace(TileSpec(), **change)
