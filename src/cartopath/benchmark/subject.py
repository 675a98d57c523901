"""Which slide is measured, how, and what is known of it before: who decodes it, which tiles are read, which goals apply."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cartopath.benchmark.readers import Job
from cartopath.benchmark.sample import is_cut_without_resampling, native_sample, off_the_grid, scaled_sample
from cartopath.slides import Slide, open_slide

OVER_OPENSLIDE = 4.0
OVER_RESIZING = 5.0


@dataclass(frozen=True, slots=True)
class Settings:
    """How to measure.

    Attributes:
        threads: How many decode.
        size_px: Side of a tile.
        mpp: Micrometres per pixel of the tiles of a study.
        seconds: About how long all of it may take.
        n_tiles: How many tiles each turn reads, if there is time for so many.
        assume_mpp: Micrometres per level-0 pixel of a slide that does not say.
        over_openslide: The goal for the stream against OpenSlide at level 0.
        over_resizing: The goal against OpenSlide and a resize.
    """

    threads: int
    size_px: int = 512
    mpp: float = 0.5
    seconds: float = 60.0
    n_tiles: int = 400
    assume_mpp: float | None = None
    over_openslide: float = OVER_OPENSLIDE
    over_resizing: float = OVER_RESIZING


@dataclass(frozen=True)
class Subject:
    """A slide and what is to be read of it.

    Attributes:
        backend: Name of the decoder.
        reason: Why this decoder reads it.
        size: Width and height of level 0, None where frames are not given out.
        shrink: By which factor frames are decoded smaller for the tiles of a study.
        has_goal: Whether tiles of level 0 are cut from JPEG frames, for which there are goals.
        has_study_goal: Whether the tiles of a study are cut from JPEG frames without any resampling.
        on: Tiles on the grid of frames.
        off: Tiles off that grid.
        scaled: Tiles of a study.
    """

    backend: str
    reason: str
    size: tuple[int, int] | None
    shrink: int
    has_goal: bool
    has_study_goal: bool
    on: Job
    off: Job
    scaled: Job


def choose_subject(path: Path, settings: Settings) -> Subject:
    """Open a slide, see what it is like, and choose its tiles.

    Raises:
        SlideError: The slide cannot be read, or is smaller than a tile.
    """
    with open_slide(path, assume_mpp=settings.assume_mpp) as slide:
        native = native_sample(slide, settings.size_px, n_tiles=settings.n_tiles)
        scaled = scaled_sample(slide, settings.size_px, settings.mpp, n_tiles=settings.n_tiles)
        rendition = slide.best_rendition(scaled.downsample)
        on, off, study = (
            Job(path, sample, settings.threads, settings.assume_mpp) for sample in (native, off_the_grid(native, slide), scaled)
        )
        is_whole = is_cut_without_resampling(scaled, rendition, slide.scaling)
        return Subject(
            slide.backend,
            slide.backend_reason,
            size=slide.level_dimensions[0] if slide.frames is not None else None,
            shrink=rendition.shrink,
            has_goal=_is_jpeg(slide, 0),
            has_study_goal=_is_jpeg(slide, rendition.level) and is_whole,
            on=on,
            off=off,
            scaled=study,
        )


def _is_jpeg(slide: Slide, level: int) -> bool:
    """Whether a level lies in JPEG frames that are decoded directly: no other can be decoded smaller than they are."""
    return slide.frames is not None and len(slide.frames.layout(level).shrinks) > 1
