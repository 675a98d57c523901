"""How the cost of reading grows with the number of tiles."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cartopath.benchmark.generated import GeneratedSlide, write_generated_slide
from cartopath.benchmark.line import Slope, slope
from cartopath.core.errors import SlideError
from cartopath.core.geometry import SizePx0
from cartopath.slides import TileSpec, iter_tiles, open_slide, plan_tiles

TILE_PX = 64
"""Small, so that what is spent on each tile weighs more than its pixels."""
MPP = 0.5
_STARTS = 2000
"""That are tried."""


def exponent(n_tiles: Sequence[int], seconds: Sequence[float]) -> Slope:
    """Return the exponent of a power law by least squares on logarithms.

    >>> round(exponent([10, 100, 1000], [0.2, 2.0, 20.0]).value, 6)
    1.0
    """
    return slope(np.log10(n_tiles), np.log10(seconds))


@dataclass(frozen=True, slots=True)
class Cost:
    """A fixed cost at the start, and a power law above it.

    Attributes:
        start: Seconds that any number of tiles takes.
        exponent: Of what comes on top of them.
    """

    start: float
    exponent: Slope


def cost_after_start(n_tiles: Sequence[int], seconds: Sequence[float]) -> Cost:
    """Return what it costs to start, and the exponent of the rest; with at least four numbers of tiles.

    The start is the one, between nothing and what the fewest tiles take, with which a power law fits the rest best by least
    squares on logarithms. The interval of the exponent holds for that start.

    >>> found = cost_after_start([10, 100, 1000, 10000], [1.2, 3.0, 21.0, 201.0])
    >>> round(found.start, 2), round(found.exponent.value, 2)
    (1.0, 1.0)
    """
    times = np.asarray(seconds, float)
    starts = np.linspace(0.0, times.min(), _STARTS, endpoint=False)
    fits = [exponent(n_tiles, (times - start).tolist()) for start in starts]
    best = int(np.argmin([fit.high - fit.low for fit in fits]))  # the width of the interval grows with the residuals
    return Cost(float(starts[best]), fits[best])


def seconds_to_read(path: Path, n_tiles: int, *, threads: int, size_px: int = TILE_PX) -> float:
    """Read the first tiles of the grid of a slide, row by row at level 0, and return how long that took, opening included.

    Raises:
        SlideError: The slide has fewer tiles, or cannot be read.
    """
    began = time.perf_counter()
    with open_slide(path) as slide:
        n_cols, n_rows = slide.dimensions_px0.width // size_px, slide.dimensions_px0.height // size_px
        if n_tiles > n_cols * n_rows:
            raise SlideError(f"{path}: has {n_cols * n_rows:,} tiles of {size_px} px, not {n_tiles:,}")
        rows, cols = np.divmod(np.arange(n_tiles), n_cols)
        xy = np.stack([cols, rows], axis=1) * size_px
        for _ in iter_tiles(slide, xy, window_px0=size_px, size_px=size_px, batch_size=256, threads=threads):
            pass
    return time.perf_counter() - began


def write_square_slide(path: Path, n_tiles: int) -> int:
    """Write a slide of about `n_tiles` tiles, as many across as down, and return how many it has."""
    side = max(1, round(math.sqrt(n_tiles)))
    write_generated_slide(path, GeneratedSlide(SizePx0(side * TILE_PX, side * TILE_PX), mpp=MPP, frame_px=TILE_PX))
    return side * side


def seconds_to_tile(path: Path, *, threads: int) -> float:
    """Decide which tiles of a slide to keep, as the stage `tiles` does, and return how long that took, opening included.

    Raises:
        SlideError: The slide cannot be read.
    """
    began = time.perf_counter()
    with open_slide(path) as slide:
        plan_tiles(slide, TileSpec(size_px=TILE_PX, mpp=MPP), threads=threads)
    return time.perf_counter() - began
