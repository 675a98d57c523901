"""Which cutter suits a slide: frame by frame where its decoder gives out frames, region by region where it does not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import SlideError
from cartopath.slides.slide import MAX_REGION_PX, Slide
from cartopath.slides.stream.cutter import Cutter, Job, Pixels, TileWindow
from cartopath.slides.stream.frame_cutter import KEPT_BYTES, FrameCutter


def make_cutter(slide: Slide, xy_px0: NDArray[np.integer], window: TileWindow, *, kept_bytes: int = KEPT_BYTES) -> Cutter:
    """Return the cutter that suits the slide's decoder.

    Args:
        slide: The slide.
        xy_px0: (n, 2) level-0 upper left corners of its tiles.
        window: What a tile is.
        kept_bytes: Of decoded frames that only later tiles need.

    Raises:
        SlideError: The tiles are impossibly large.
    """
    rendition = slide.best_rendition(window.window_px0 / window.size_px)
    if (window.window_px0 / rendition.downsample) ** 2 > MAX_REGION_PX:
        raise SlideError(
            f"{slide.path}: tiles of {window.window_px0:,} level-0 px need too many pixels of level {rendition.level}"
        )
    corners = np.asarray(xy_px0, np.int64).reshape(-1, 2)
    if slide.frames is None:
        return _RegionCutter(slide, corners, window)
    return FrameCutter(slide, slide.frames, rendition, corners, window, kept_bytes)


class _RegionCutter:
    """Reads each tile by itself."""

    def __init__(self, slide: Slide, corners: NDArray[np.int64], window: TileWindow) -> None:
        self._slide, self._corners, self._window = slide, corners, window
        self.tile_bytes, self.reach, self.is_local = window.size_px**2 * 3, 0, True

    def admit(self, first: int, slots: Sequence[Pixels] | Pixels) -> list[Job]:
        return [Job(tile=first + number) for number in range(len(slots))]

    def run(self, job: Job) -> list[int]:
        return [] if job.tile is None else [job.tile]

    def cut(self, number: int, out: Pixels) -> None:
        x, y = self._corners[number].tolist()
        side = self._window.window_px0
        out[...] = self._slide.read_scaled(x, y, (side, side), self._window.size)

    def finish(self, number: int) -> None:
        pass
