"""The tile grid of a slide: squares of one physical size, side by side from its upper left corner.

Tile (col, row) covers level-0 pixels [col * w, (col + 1) * w) x [row * w, (row + 1) * w), where w is the window: the tile's
physical size in level-0 pixels, rounded down. Tiles that reach past the right or lower border are skipped, or padded with white.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import ConfigError, SlideError
from cartopath.core.geometry import window_px0
from cartopath.slides.slide import Slide

MAX_UPSCALING = 1.1
"""A slide may be this much coarser than the tiles asked of it; beyond, tiles would be invented pixels."""


@dataclass(frozen=True, slots=True)
class TileSpec:
    """Which tiles to cut.

    Attributes:
        size_px: Side of a tile in its own pixels.
        mpp: Micrometres per pixel of a tile: 512 px at 0.5 are 256 um.
        max_background: A tile is dropped when this share of its pixel values, over all channels, is brighter than 220 (the
            paper's rule); 0.5 exactly is dropped.
        min_tissue: A tile is dropped, without being decoded, when less than this share of it is tissue on the thumbnail.
        edge: What becomes of tiles that reach past the border: `skip` them, or `pad` them with white.
    """

    size_px: int = 512
    mpp: float = 0.5
    max_background: float = 0.5
    min_tissue: float = 0.1
    edge: Literal["skip", "pad"] = "skip"

    def __post_init__(self) -> None:
        if not 8 <= self.size_px <= 8192:
            raise ConfigError(f"The 'size_px' of tiles must be between 8 and 8192. Got {self.size_px!r} instead.")
        if not 0.05 <= self.mpp <= 100:
            raise ConfigError(f"The 'mpp' of tiles must be between 0.05 and 100 um per pixel. Got {self.mpp!r} instead.")
        for name, share in (("max_background", self.max_background), ("min_tissue", self.min_tissue)):
            if not 0 <= share <= 1:
                raise ConfigError(f"The {name!r} of tiles must be between 0 and 1. Got {share!r} instead.")
        if self.edge not in ("skip", "pad"):
            raise ConfigError(f"The 'edge' of tiles must be 'skip' or 'pad'. Got {self.edge!r} instead.")


@dataclass(frozen=True, slots=True)
class TileGrid:
    """The grid of one slide.

    Attributes:
        window_px0: Side of a tile in level-0 pixels.
        n_cols: Columns that hold tiles: whole ones if edge tiles are skipped, all that touch the slide if they are padded.
        n_rows: Rows, likewise.
        n_edge: Tiles that touch the slide and reach past its right or lower border.
        size_px: Side of a tile in its own pixels.
        mpp: Micrometres per tile pixel.
    """

    window_px0: int
    n_cols: int
    n_rows: int
    n_edge: int
    size_px: int
    mpp: float

    def xy_px0(self, cells: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return the level-0 upper left corners of tiles.

        Args:
            cells: (n, 2) columns and rows.

        Returns:
            int64 (n, 2): x and y.
        """
        return np.asarray(cells, np.int64) * self.window_px0

    def cells(self) -> NDArray[np.int64]:
        """Return (column, row) of every tile, row by row: int64 (n_rows * n_cols, 2)."""
        rows, cols = np.divmod(np.arange(self.n_rows * self.n_cols, dtype=np.int64), max(1, self.n_cols))
        return np.stack([cols, rows], axis=1)


def tile_grid(slide: Slide, spec: TileSpec) -> TileGrid:
    """Return the grid of tiles of one physical size on a slide.

    Args:
        slide: The slide.
        spec: Tile size, resolution and what becomes of edge tiles.

    Raises:
        SlideError: The slide is coarser than the tiles asked of it.
    """
    if slide.mpp > MAX_UPSCALING * spec.mpp:
        raise SlideError(
            f"{slide.path}: {slide.mpp:g} um/px ({slide.resolution.source}) is too coarse for tiles at {spec.mpp:g} um/px; "
            f"set tiles.mpp to {slide.mpp / MAX_UPSCALING:.3g} or more, or exclude the slide"
        )
    window = window_px0(spec.size_px, spec.mpp, slide.mpp)
    size = slide.dimensions_px0
    n_whole = (size.width // window, size.height // window)
    n_touching = (-(-size.width // window), -(-size.height // window))
    n_cols, n_rows = n_whole if spec.edge == "skip" else n_touching
    n_edge = n_touching[0] * n_touching[1] - n_whole[0] * n_whole[1]
    return TileGrid(window, n_cols, n_rows, n_edge, spec.size_px, spec.mpp)
