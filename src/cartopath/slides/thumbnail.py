"""A whole slide in one small picture, read block by block, around what is damaged.

Where the best level cannot be decoded, the next finer one that can stands in: a slide that was cut off has often lost no more
than its coarsest level, which lies at the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import SlideError, TileError
from cartopath.core.geometry import SizePx0
from cartopath.slides.rendition import Rendition, Scaling

BLOCK_PX = (8192, 512)
"""Width and height of the blocks that are read at once, in pixels of the level. Low and wide: strips of an image are as wide as
it is, and each should be decoded once."""
SMALLEST_BLOCK_PX = 128
"""A block that cannot be decoded is divided until it is this small: half a frame."""
MAX_FAILURES = 2000
"""After this many undecodable small blocks the slide is given up if less of it could be decoded than could not."""

Box = tuple[int, int, int, int]


class _Readable(Protocol):
    path: Path
    dimensions_px0: SizePx0

    def best_rendition(self, downsample: float) -> Rendition: ...

    def renditions(self) -> list[Rendition]: ...

    def read_scaled(
        self,
        x_px0: int,
        y_px0: int,
        window_px0: tuple[float, float],
        size: tuple[int, int],
        *,
        rendition: Rendition | None = None,
        scaling: Scaling | None = None,
    ) -> NDArray[np.uint8]: ...


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture of a slide.

    Attributes:
        pixels: uint8 (h, w, 3) RGB; white where the slide cannot be decoded.
        lost_px0: Left, top, right and bottom, in level-0 pixels, of what cannot be decoded.
    """

    pixels: NDArray[np.uint8]
    lost_px0: tuple[Box, ...]


def read_thumbnail(slide: _Readable, max_px: int) -> Thumbnail:
    """Return the whole slide, its longer side `max_px` pixels or its own size if that is less.

    Args:
        slide: The slide.
        max_px: Longest side in pixels.

    Raises:
        SlideError: None of it can be decoded, or most of a badly damaged slide cannot.
    """
    return _Assembly(slide, max_px).run()


class _Assembly:
    """The state of one thumbnail while it is put together."""

    def __init__(self, slide: _Readable, max_px: int) -> None:
        full = slide.dimensions_px0
        scale = max(1.0, max(full.width, full.height) / max_px)
        width, height = max(1, round(full.width / scale)), max(1, round(full.height / scale))
        self.slide = slide
        best = slide.best_rendition(scale)
        self.per_level_px = best.downsample / scale
        self.smallest = max(1.0, SMALLEST_BLOCK_PX / best.shrink * self.per_level_px)
        finer = [other for other in slide.renditions() if other.downsample < best.downsample]
        self.sources = [best, *sorted(finer, key=lambda other: -other.downsample)]
        self.x_px0 = np.arange(width + 1) * (full.width / width)
        self.y_px0 = np.arange(height + 1) * (full.height / height)
        self.pixels = np.full((height, width, 3), 255, np.uint8)
        self.lost: list[Box] = []
        self.n_read = self.n_lost = 0
        self.last_error: TileError | None = None

    def run(self) -> Thumbnail:
        height, width = self.pixels.shape[:2]
        across, down = (max(16, int(side * self.per_level_px)) for side in BLOCK_PX)
        for top in range(0, height, down):
            for left in range(0, width, across):
                self.read((left, top, min(left + across, width), min(top + down, height)))
        if self.n_read == 0:
            raise SlideError(f"{self.slide.path}: none of its pixels can be decoded ({self.last_error})") from self.last_error
        return Thumbnail(self.pixels, tuple(self.in_px0(box) for box in self.lost))

    def read(self, box: Box) -> None:
        """Read a block of the thumbnail; if it cannot be decoded, its halves, down to single frames, then from finer levels."""
        if self.fill(box, self.sources[0]):
            return
        halves = self.halves(box)
        for half in halves:
            self.read(half)
        if not halves and not any(self.fill(box, finer) for finer in self.sources[1:]):
            self.give_up(box)

    def fill(self, box: Box, source: Rendition) -> bool:
        """Read a block from one level; return whether that can be decoded."""
        left, top, right, bottom = box
        window = (float(self.x_px0[right] - self.x_px0[left]), float(self.y_px0[bottom] - self.y_px0[top]))
        size = (right - left, bottom - top)
        try:
            x_px0, y_px0 = round(self.x_px0[left]), round(self.y_px0[top])
            # Blocks join without a seam only where fractions of pixels are honoured.
            block = self.slide.read_scaled(x_px0, y_px0, window, size, rendition=source, scaling="lanczos")
        except TileError as error:
            self.last_error = error
            return False
        self.pixels[top:bottom, left:right] = block
        self.n_read += size[0] * size[1]
        return True

    def halves(self, box: Box) -> list[Box]:
        left, top, right, bottom = box
        width, height = right - left, bottom - top
        if max(width, height) <= self.smallest:
            return []
        if width >= height:
            return [(left, top, left + width // 2, bottom), (left + width // 2, top, right, bottom)]
        return [(left, top, right, top + height // 2), (left, top + height // 2, right, bottom)]

    def give_up(self, box: Box) -> None:
        self.lost.append(box)
        self.n_lost += (box[2] - box[0]) * (box[3] - box[1])
        if len(self.lost) > MAX_FAILURES and self.n_lost > self.n_read:
            raise SlideError(f"{self.slide.path}: too damaged: most of what was read of it cannot be decoded ({self.last_error})")

    def in_px0(self, box: Box) -> Box:
        left, top, right, bottom = box
        x, y = self.x_px0, self.y_px0
        return int(x[left]), int(y[top]), int(np.ceil(x[right])), int(np.ceil(y[bottom]))
