"""What is restyled: pictures, which are taken whole, and slides, of which tissue tiles are taken."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cartopath.cohort import read_slides
from cartopath.cohort.slide_lists.slide_files import slide_stem
from cartopath.core.errors import SlideError
from cartopath.core.geometry import window_px0
from cartopath.core.locations import as_path
from cartopath.core.rng import stream
from cartopath.slides import Slide, TileSpec, iter_tiles, open_slide, read_tiles, slide_tissue, tile_grid

LARGEST_PICTURE_PX = 4096
"""A file whose longer side is at most this long is a picture; a longer one is a slide."""

Tile = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Cutting:
    """How tiles are cut.

    Attributes:
        tile_px: Their side.
        mpp: Micrometres per pixel of tiles. Pictures that do not say their own are taken to have it.
        n_tiles: At most so many of each file, drawn at random; None for all.
        min_tissue: Share of a tile that must be tissue.
        slide_mpp: Micrometres per pixel of all files, whatever they say.
        assume_mpp: Of files that do not say theirs.
        threads: That decode.
        seed: Of the choice.
    """

    tile_px: int = 256
    mpp: float = 0.5
    n_tiles: int | None = 64
    min_tissue: float = 0.5
    slide_mpp: float | None = None
    assume_mpp: float | None = None
    threads: int = 1
    seed: int = 0


@dataclass(frozen=True)
class CutTiles:
    """Tiles of a file.

    Attributes:
        pixels: Each uint8 (height, width, 3).
        xy_px0: (n, 2) their upper left corners.
    """

    pixels: list[Tile]
    xy_px0: NDArray[np.int64]


def source_files(given: Path) -> dict[str, Path]:
    """Return the files of a folder, or the file itself, by name.

    Raises:
        SlideError: There is none, or two are called alike.
    """
    path = as_path(given)
    if not path.is_dir():
        if not path.is_file():
            raise SlideError(f"{given}: no such file or folder")
        return {slide_stem(path.name): path}
    listed = read_slides(path)
    used = listed[(listed["exclude"] == "") & (listed["path"] != "")]
    if used.empty:
        raise SlideError(f"{given}: no picture and no slide in this folder")
    if used["slide_id"].duplicated().any():
        name = used.loc[used["slide_id"].duplicated(), "slide_id"].iloc[0]
        raise SlideError(f"{given}: two files are called {name}; give them different names")
    return dict(zip(used["slide_id"].tolist(), map(as_path, used["path"].tolist()), strict=True))


def is_picture(path: Path) -> bool:
    """Whether a file is small enough to be taken whole."""
    with open_slide(path, mpp=1.0) as slide:
        return max(slide.dimensions_px0.width, slide.dimensions_px0.height) <= LARGEST_PICTURE_PX


def whole_picture(path: Path) -> Tile:
    """Return all pixels of a picture, uint8 (height, width, 3)."""
    with open_slide(path, mpp=1.0) as slide:
        return slide.read_region(0, 0, 0, slide.dimensions_px0.width, slide.dimensions_px0.height)


def cut_tiles(path: Path, how: Cutting) -> CutTiles:
    """Return tissue tiles of a file; a picture smaller than a tile is one tile.

    Raises:
        SlideError: The file cannot be read, or is coarser than the tiles.
        ResolutionError: It is a slide, and nobody knows its micrometres per pixel.
    """
    with _opened(path, how) as slide:
        window = window_px0(how.tile_px, how.mpp, slide.mpp)
        if window > min(slide.dimensions_px0.width, slide.dimensions_px0.height):
            return CutTiles([_shrunk(slide, how.mpp)], np.zeros((1, 2), np.int64))
        xy_px0 = _places(slide, how)
        pixels = read_tiles(slide, xy_px0, window_px0=window, size_px=how.tile_px, threads=how.threads)
    return CutTiles(list(pixels), xy_px0)


def iter_cut_tiles(path: Path, how: Cutting) -> Iterator[tuple[int, int, Tile]]:
    """Yield x and y of the upper left corner, level-0 pixels, and the pixels of the readable tissue tiles of a slide.

    Raises:
        SlideError: As for `cut_tiles`.
    """
    with _opened(path, how) as slide:
        window, xy_px0 = window_px0(how.tile_px, how.mpp, slide.mpp), _places(slide, how)
        batches = iter_tiles(slide, xy_px0, window_px0=window, size_px=how.tile_px, batch_size=16, threads=how.threads)
        with contextlib.closing(batches):
            for batch in batches:
                corners = xy_px0[batch.rows].tolist()
                for (x, y), tile, is_readable in zip(corners, batch.pixels, batch.is_readable, strict=True):
                    if is_readable:
                        yield x, y, tile


def _opened(path: Path, how: Cutting) -> Slide:
    assumed = how.assume_mpp or (how.mpp if is_picture(path) else None)
    return open_slide(path, mpp=how.slide_mpp, assume_mpp=assumed)


def _places(slide: Slide, how: Cutting) -> NDArray[np.int64]:
    """Upper left corners of the tissue tiles that are taken, (n, 2)."""
    grid = tile_grid(slide, TileSpec(size_px=how.tile_px, mpp=how.mpp))
    xy_px0 = grid.xy_px0(grid.cells())
    share = slide_tissue(slide, grid.window_px0).fraction(xy_px0[:, 0], xy_px0[:, 1], grid.window_px0)
    xy_px0 = xy_px0[share >= how.min_tissue]
    if how.n_tiles is None or len(xy_px0) <= how.n_tiles:
        return xy_px0
    chosen = stream(how.seed, "restyling tiles", slide.path.name).permutation(len(xy_px0))[: how.n_tiles]
    return xy_px0[np.sort(chosen)]


def _shrunk(slide: Slide, mpp: float) -> Tile:
    size = slide.dimensions_px0
    scale = max(1.0, mpp / slide.mpp)
    wanted = (max(1, round(size.width / scale)), max(1, round(size.height / scale)))
    return slide.read_scaled(0, 0, (size.width, size.height), wanted)


def all_tiles(given: Path, how: Cutting) -> list[Tile]:
    """Return tissue tiles of all files.

    Raises:
        SlideError: A file cannot be read, or none has a tile.
    """
    tiles = [tile for path in source_files(given).values() for tile in cut_tiles(path, how).pixels]
    if not tiles:
        raise SlideError(f"{given}: no tile of {how.tile_px} px at {how.mpp:g} um per pixel shows {how.min_tissue:.0%} tissue")
    return tiles


def iter_pixels(given: Path, how: Cutting) -> Iterator[Tile]:
    """Yield what a style is fitted to: pictures whole, of slides some tiles."""
    for path in source_files(given).values():
        if is_picture(path):
            yield whole_picture(path)
        else:
            yield from cut_tiles(path, how).pixels
