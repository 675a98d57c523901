"""Which tiles of a slide are worth looking at, and what became of the others.

A tile is dropped because it reaches past the border, because the thumbnail shows too little tissue there or a flaw that is not
wanted (it is then never decoded), because its pixels cannot be decoded, or by the paper's background rule on them
(Levy-Jurgenson et al. 2020).
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.core.errors import SlideError
from cartopath.slides.grid import TileGrid, TileSpec, tile_grid
from cartopath.slides.rendition import Scaling
from cartopath.slides.resolution import Resolution
from cartopath.slides.slide import Slide
from cartopath.slides.stain import StainStatistics, stain_sums
from cartopath.slides.stream import map_tiles
from cartopath.slides.tissue import TissueMask, slide_tissue
from cartopath.store.artifacts import Header, read_header, read_table, write_table

KIND = "tiles"
BRIGHT_VALUE = 220
_STAIN_STRIDE = 8
MAX_UNREADABLE = 0.5
"""Of the tiles that were looked at, more than this share undecodable makes a slide too damaged to speak for its patient."""


@dataclass(frozen=True, slots=True)
class TilePlan:
    """The tiles of one slide that are kept.

    Attributes:
        table: One row per kept tile, by row and then column: `col`, `row`, `x_px0`, `y_px0`, `tissue_fraction` (share of the tile
            that is tissue on the thumbnail), `background_fraction` (share of its pixel values above 220).
        grid: The grid they lie on.
        counts: Tiles by fate: `grid` (all that touch the slide) = `edge` + `no_tissue` + `flawed` + `unreadable` +
            `background` + `kept`.
        stain: How the kept tiles are stained.
        spec: What was asked.
        resolution: The slide's micrometres per pixel and where the number comes from.
        dimensions_px0: The slide's width and height in level-0 pixels.
        backend: Name of the decoder.
        backend_reason: Why it reads this slide.
        scaling: How pixels between the levels are made.
        unreadable: (col, row) of the tiles whose pixels cannot be decoded.
    """

    table: pd.DataFrame
    grid: TileGrid
    counts: dict[str, int]
    stain: StainStatistics
    spec: TileSpec
    resolution: Resolution
    dimensions_px0: tuple[int, int]
    backend: str
    backend_reason: str
    scaling: Scaling
    unreadable: tuple[tuple[int, int], ...] = ()

    def meta(self) -> dict[str, Any]:
        """Return what a reader of the table must know, as JSON values."""
        return {
            "mpp": self.resolution.mpp,
            "mpp_source": self.resolution.source,
            "mpp_in_file": self.resolution.in_file,
            "dimensions_px0": list(self.dimensions_px0),
            "window_px0": self.grid.window_px0,
            "size_px": self.grid.size_px,
            "tile_mpp": self.grid.mpp,
            "n_cols": self.grid.n_cols,
            "n_rows": self.grid.n_rows,
            "edge": self.spec.edge,
            "max_background": self.spec.max_background,
            "min_tissue": self.spec.min_tissue,
            "counts": dict(self.counts),
            "stain": self.stain.to_dict(),
            "backend": self.backend,
            "backend_reason": self.backend_reason,
            "scaling": self.scaling,
            "unreadable": [list(cell) for cell in self.unreadable],
        }


def background_fraction(tile: NDArray[np.uint8]) -> float:
    """Return the share of pixel values, over all pixels and channels, that are brighter than 220.

    >>> background_fraction(np.array([[[221, 220, 0], [255, 255, 10]]], np.uint8))
    0.5
    """
    return int(np.count_nonzero(tile > BRIGHT_VALUE)) / tile.size


def plan_tiles(
    slide: Slide,
    spec: TileSpec,
    *,
    flawed: Collection[tuple[int, int]] = frozenset(),
    tissue: TissueMask | None = None,
    threads: int = 1,
) -> TilePlan:
    """Decide which tiles of a slide to keep.

    Args:
        slide: The slide.
        spec: Tile size, resolution, thresholds and what becomes of edge tiles.
        flawed: (col, row) of tiles to leave out undecoded, such as those under pen; see `cartopath.slides.quality`.
        tissue: Where the tissue is, if that is known already.
        threads: That decode. Does not change the result.

    Raises:
        SlideError: The slide is too coarse for these tiles, or more than half of what should be looked at cannot be decoded.
    """
    grid = tile_grid(slide, spec)
    cells = grid.cells()
    xy_px0 = grid.xy_px0(cells)
    tissue = tissue or slide_tissue(slide, grid.window_px0)
    share = tissue.fraction(xy_px0[:, 0], xy_px0[:, 1], grid.window_px0)
    is_candidate = (share >= spec.min_tissue) | is_lost(slide, xy_px0, grid.window_px0)
    is_flawed = is_candidate & np.array([(int(col), int(row)) in flawed for col, row in cells], bool)
    candidates = np.flatnonzero(is_candidate & ~is_flawed)
    background, sums = _look_at(slide, xy_px0[candidates], grid, spec, threads)
    is_unreadable = np.isnan(background)
    _check_damage(slide, int(is_unreadable.sum()), len(candidates))
    is_kept = background < spec.max_background
    kept = candidates[is_kept]
    table = pd.DataFrame(
        {
            "col": cells[kept, 0].astype(np.int32),
            "row": cells[kept, 1].astype(np.int32),
            "x_px0": xy_px0[kept, 0],
            "y_px0": xy_px0[kept, 1],
            "tissue_fraction": share[kept],
            "background_fraction": background[is_kept],
        }
    )
    n_skipped = grid.n_edge if spec.edge == "skip" else 0
    counts = {
        "grid": len(cells) + n_skipped,
        "edge": n_skipped,
        "no_tissue": len(cells) - int(is_candidate.sum()),
        "flawed": int(is_flawed.sum()),
        "unreadable": int(is_unreadable.sum()),
        "background": int((~is_unreadable & ~is_kept).sum()),
        "kept": len(kept),
    }
    size = (slide.dimensions_px0.width, slide.dimensions_px0.height)
    stain = StainStatistics.from_sums(sums)
    unreadable = tuple((int(col), int(row)) for col, row in cells[candidates[is_unreadable]])
    return TilePlan(
        table=table,
        grid=grid,
        counts=counts,
        stain=stain,
        spec=spec,
        resolution=slide.resolution,
        dimensions_px0=size,
        backend=slide.backend,
        backend_reason=slide.backend_reason,
        scaling=slide.scaling,
        unreadable=unreadable,
    )


def is_lost(slide: Slide, xy_px0: NDArray[np.int64], window_px0: int) -> NDArray[np.bool_]:
    """Return which tiles touch what the thumbnail could not show, (n,): whether they hold tissue is not known."""
    x, y = xy_px0[:, 0], xy_px0[:, 1]
    is_lost = np.zeros(len(xy_px0), bool)
    for left, top, right, bottom in slide.lost_px0:
        is_lost |= (x < right) & (x + window_px0 > left) & (y < bottom) & (y + window_px0 > top)
    return is_lost


def _check_damage(slide: Slide, n_unreadable: int, n_candidates: int) -> None:
    if n_unreadable > MAX_UNREADABLE * n_candidates:
        raise SlideError(
            f"{slide.path}: too damaged: {n_unreadable:,} of {n_candidates:,} tiles that may hold tissue cannot be decoded; "
            "get a sound copy of the file, or exclude the slide"
        )


def _look_at(
    slide: Slide, xy_px0: NDArray[np.int64], grid: TileGrid, spec: TileSpec, threads: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the background fraction of each tile, (n,), NaN if undecodable, and the stain sums of those that are kept, (7,)."""

    def measure(tile: NDArray[np.uint8]) -> tuple[float, NDArray[np.float64]]:
        return background_fraction(tile), stain_sums(tile[::_STAIN_STRIDE, ::_STAIN_STRIDE])

    background = np.full(len(xy_px0), np.nan)
    sums = stain_sums(np.empty((0, 3), np.uint8))
    window, size = grid.window_px0, grid.size_px
    with contextlib.closing(map_tiles(measure, slide, xy_px0, window_px0=window, size_px=size, threads=threads)) as measured:
        for number, found in enumerate(measured):
            if found is not None:
                background[number], own_sums = found
                sums += own_sums if background[number] < spec.max_background else 0
    return background, sums


def write_tile_plan(plan: TilePlan, path: Path | str, *, slide_id: str, sha256: str, key: str) -> None:
    """Write the tile table of a slide.

    Args:
        plan: The tiles.
        path: The Parquet file.
        slide_id: Which slide.
        sha256: Of the slide file.
        key: Key of the task that made the plan.
    """
    meta = {"slide_id": slide_id, "sha256": sha256, **plan.meta()}
    write_table(plan.table, path, Header(kind=KIND, key=key, meta=meta))


def read_tile_plan(path: Path | str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the tile table of a slide and what its header says (`TilePlan.meta`, `slide_id`, `sha256`).

    Raises:
        ArtifactError: It is missing, damaged or of another kind.
    """
    return read_table(path, KIND), read_header(path, KIND).meta
