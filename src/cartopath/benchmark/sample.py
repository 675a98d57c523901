"""Which tiles of a slide are read in a measurement."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import SlideError
from cartopath.core.geometry import window_px0
from cartopath.slides import Slide, slide_tissue
from cartopath.slides.backends.protocol import Cell, FrameLayout
from cartopath.slides.rendition import Rendition, Scaling, are_exact, place


@dataclass(frozen=True, eq=False)
class Sample:
    """Tiles of one slide, side by side, row by row.

    Attributes:
        xy_px0: int64 (n, 2) level-0 upper left corners.
        window_px0: Side of a tile in level-0 pixels.
        size_px: Side of a tile in its own pixels.
        n_candidates: Tiles with tissue on the whole slide, of which these are some.
    """

    xy_px0: NDArray[np.int64]
    window_px0: int
    size_px: int
    n_candidates: int

    @property
    def n_tiles(self) -> int:
        """How many tiles are read."""
        return len(self.xy_px0)

    @property
    def downsample(self) -> float:
        """Level-0 pixels per tile pixel."""
        return self.window_px0 / self.size_px


def native_sample(slide: Slide, size_px: int, *, n_tiles: int) -> Sample:
    """Return tiles of level 0, `size_px` level-0 pixels wide; on the grid of its frames where the one divides the other.

    Raises:
        SlideError: The slide is smaller than a tile.
    """
    return _densest(slide, size_px, size_px, n_tiles)


def scaled_sample(slide: Slide, size_px: int, mpp: float, *, n_tiles: int) -> Sample:
    """Return tiles at `mpp` um per pixel, as a study would cut them.

    Raises:
        SlideError: The slide is smaller than a tile.
    """
    return _densest(slide, window_px0(size_px, mpp, slide.mpp), size_px, n_tiles)


def off_the_grid(sample: Sample, slide: Slide) -> Sample:
    """Return the tiles moved by about half a frame, so that each touches as many frames as it can.

    Tiles that would reach past the slide are left out; if all would, they stay where they are.
    """
    layout = None if slide.frames is None else slide.frames.layout(0)
    frame = (layout.frame_width, layout.frame_height) if layout else (256, 256)
    moved = sample.xy_px0 + np.array([side // 2 + 5 for side in frame], np.int64)
    size = slide.dimensions_px0
    is_inside = (moved + sample.window_px0 <= [size.width, size.height]).all(axis=1)
    return dataclasses.replace(sample, xy_px0=moved[is_inside]) if is_inside.any() else sample


def middle(sample: Sample, n_tiles: int) -> Sample:
    """Return the block of about `n_tiles` tiles, never more, in the middle of a sample; all of them if it holds no more."""
    if n_tiles >= sample.n_tiles:
        return sample
    left, top = np.unique(sample.xy_px0[:, 0]), np.unique(sample.xy_px0[:, 1])
    width = min(len(left), math.isqrt(n_tiles))
    height = min(len(top), n_tiles // width)
    width = min(len(left), n_tiles // height)
    columns, rows = _middle(left, width), _middle(top, height)
    is_inside = np.isin(sample.xy_px0[:, 0], columns) & np.isin(sample.xy_px0[:, 1], rows)
    return dataclasses.replace(sample, xy_px0=sample.xy_px0[is_inside])


def _middle(values: NDArray[np.int64], n_values: int) -> NDArray[np.int64]:
    first = (len(values) - n_values) // 2
    return values[first : first + n_values]


def is_cut_without_resampling(sample: Sample, rendition: Rendition, scaling: Scaling) -> bool:
    """Whether every tile is made of the very pixels of a rendition."""
    return bool(are_exact(sample.xy_px0, sample.window_px0, rendition.downsample, scaling, sample.size_px).all())


def _densest(slide: Slide, window: int, size_px: int, n_tiles: int) -> Sample:
    """Return the tiles of the square block that holds the most tissue."""
    n_cols, n_rows = slide.dimensions_px0.width // window, slide.dimensions_px0.height // window
    if min(n_cols, n_rows) < 1:
        size = slide.dimensions_px0
        raise SlideError(
            f"{slide.path}: its {size.width} x {size.height} px hold no tile of {window} px; use a smaller --tile-px"
        )
    rows, cols = np.divmod(np.arange(n_rows * n_cols), n_cols)
    tissue = slide_tissue(slide, window).fraction(cols * window, rows * window, window).reshape(n_rows, n_cols)
    side = max(1, math.isqrt(n_tiles))
    height = min(n_rows, side)
    width = min(n_cols, max(1, n_tiles // height))
    height = min(n_rows, max(1, n_tiles // width))
    sums = np.pad(tissue, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    held = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    top, left = np.unravel_index(np.argmax(held), held.shape)
    block_rows, block_cols = np.divmod(np.arange(height * width), width)
    xy = np.stack([(left + block_cols) * window, (top + block_rows) * window], axis=1).astype(np.int64)
    return Sample(xy, window, size_px, int((tissue >= 0.5).sum()))


def cells_of(sample: Sample, slide: Slide, rendition: Rendition, layout: FrameLayout) -> list[Cell]:
    """Return the frames of a rendition that tiles touch, each once, in the order in which tiles need them."""
    side_x, side_y = layout.frame_width // rendition.shrink, layout.frame_height // rendition.shrink
    cells: dict[Cell, None] = {}
    window = (float(sample.window_px0), float(sample.window_px0))
    for x, y in sample.xy_px0.tolist():
        at = place(x, y, window, rendition.downsample, slide.scaling)
        for row in range(max(0, at.top) // side_y, min(layout.n_rows, -(-(at.top + at.height) // side_y))):
            for col in range(max(0, at.left) // side_x, min(layout.n_cols, -(-(at.left + at.width) // side_x))):
                cells[col, row] = None
    return list(cells)
