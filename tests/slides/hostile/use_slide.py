"""What a study does to a slide: open it, look at it small, plan its tiles, judge its quality, read its levels."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cartopath.core.errors import SlideError
from cartopath.slides import TileSpec, open_slide, plan_tiles
from cartopath.slides.quality import quality_picture, slide_quality

TILE_PX = 64
_REGION_PX = 512


@dataclass(frozen=True)
class Use:
    """How it went.

    Attributes:
        error: The error that ended it; None if nothing did.
        mpp: Micrometres per pixel, once known.
        counts: Tiles by fate, once planned.
        unread: Levels with a region that could not be decoded.
        leaked: Open files that were not open before.
    """

    error: SlideError | None = None
    mpp: float | None = None
    counts: dict[str, int] | None = None
    unread: int = 0
    leaked: int = 0


def use_slide(path: Path, mpp: float | None = None, assume_mpp: float | None = None) -> Use:
    """Open, look, plan, judge and read; only a `SlideError` is caught."""
    before = open_files()
    error, own_mpp, counts, unread = None, None, None, 0
    try:
        with open_slide(path, mpp=mpp, assume_mpp=assume_mpp) as slide:
            own_mpp = slide.mpp
            slide.thumbnail(TILE_PX)
            spec = TileSpec(TILE_PX, mpp=max(own_mpp, 0.05), max_background=1, min_tissue=0)
            counts = plan_tiles(slide, spec).counts
            quality_picture(slide_quality(slide, spec, n_sample=4), max_px=TILE_PX)
            for level, (width, height) in enumerate(slide.level_dimensions):
                try:
                    slide.read_region(0, 0, level, min(width, _REGION_PX), min(height, _REGION_PX))
                except SlideError:
                    unread += 1
    except SlideError as caught:
        error = caught.with_traceback(None)
    return Use(error, own_mpp, counts, unread, open_files() - before)


def open_files() -> int:
    """Return how many descriptors this process has open."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208
