"""Ways to read the same tiles: by the stream, by the bare decoder, by OpenSlide as everybody uses it, from a cold disk.

Each is a `Contender`. The slide is opened anew for each turn, so that nobody finds what an earlier turn left in a cache, and
opening is not timed.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cartopath.benchmark.race import Contender, Work
from cartopath.benchmark.sample import Sample, cells_of
from cartopath.core.errors import SlideError
from cartopath.slides import Slide, iter_tiles, open_slide
from cartopath.slides.array_pool import POOL
from cartopath.slides.backends.protocol import Cell, FrameBytes, FrameError, FrameSource
from cartopath.slides.rendition import Rendition, Scaling

BATCH_SIZE = 32
_Item = TypeVar("_Item")
Keep = Callable[[int, NDArray[np.uint8]], None]
"""Takes the number of a tile and its pixels."""


@dataclass(frozen=True)
class Job:
    """What is read and how.

    Attributes:
        path: The slide.
        sample: The tiles.
        threads: How many decode.
        mpp: Micrometres per level-0 pixel where the file does not say.
        scaling: How pixels between levels are made.
    """

    path: Path
    sample: Sample
    threads: int
    mpp: float | None = None
    scaling: Scaling = "fast"

    def open(self) -> Slide:
        """Open the slide."""
        return open_slide(self.path, assume_mpp=self.mpp, scaling=self.scaling)


def in_threads(function: Callable[[_Item], object], items: Iterable[_Item], threads: int) -> None:
    """Call a function for every item, in order, by several threads that share them with next to no cost.

    Raises:
        Exception: The first that a call raised, after the other threads have ended.
    """
    shared = iter(list(items))  # the iterator of a list gives each item to one thread only
    raised: list[BaseException] = []

    def work() -> None:
        try:
            for item in shared:
                if raised:
                    return
                function(item)
        except BaseException as error:  # noqa: BLE001 - raised below, in the thread that asked
            raised.append(error)

    workers = [threading.Thread(target=work, name="cartopath-benchmark") for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if raised:
        raise raised[0]


def stream(job: Job, name: str = "stream") -> Contender:
    """Read by `cartopath.slides.iter_tiles`, as prediction does."""

    @contextmanager
    def opened() -> Generator[Work]:
        with job.open() as slide:

            def work() -> int:
                sample = job.sample
                for _ in iter_tiles(
                    slide,
                    sample.xy_px0,
                    window_px0=sample.window_px0,
                    size_px=sample.size_px,
                    batch_size=BATCH_SIZE,
                    threads=job.threads,
                ):
                    pass
                return sample.n_tiles

            yield work

    return Contender(name, opened)


def single_threaded(job: Job) -> Job:
    """Return the same job for one thread."""
    return replace(job, threads=1)


def needed_frames(job: Job, slide: Slide, downsample: float) -> tuple[FrameSource, Rendition, list[Cell]]:
    """Return the frames of a slide, the rendition for a downsample, and which of its frames the tiles touch.

    Raises:
        SlideError: The decoder of this slide only reads regions.
    """
    frames = slide.frames
    if frames is None:
        raise SlideError(f"{job.path}: read by {slide.backend}, which does not give out compressed frames")
    rendition = slide.best_rendition(downsample)
    return frames, rendition, cells_of(job.sample, slide, rendition, frames.layout(rendition.level))


def bare_decoder(job: Job, name: str = "bare decoder") -> Contender:
    """Decode every frame that the tiles touch once, from memory, and do nothing with the pixels.

    What is counted are the tiles that these frames hold, so that the rate compares with that of a stream.

    Raises:
        SlideError: When opened, if the decoder of this slide only reads regions.
    """

    @contextmanager
    def opened() -> Generator[Work]:
        with job.open() as slide:
            frames, rendition, cells = needed_frames(job, slide, job.sample.downsample)
            found = zip(cells, frames.fetch(rendition.level, cells), strict=True)
            held = [(cell, data) for cell, data in found if data is not None and not isinstance(data, FrameError)]
            layout, own = frames.layout(rendition.level), threading.local()
            shape = (layout.frame_height // rendition.shrink, layout.frame_width // rendition.shrink, 3)

            def decode(frame: tuple[Cell, FrameBytes]) -> None:
                if not hasattr(own, "memory"):
                    own.memory = POOL.take(shape)
                with suppress(FrameError):  # it tried
                    frames.decode(rendition.level, *frame, shrink=rendition.shrink, out=own.memory)

            def work() -> int:
                in_threads(decode, held, job.threads)
                return job.sample.n_tiles

            yield work

    return Contender(name, opened)


def cold_disk(job: Job, name: str = "disk") -> Contender:
    """Read the bytes of the frames that the tiles touch, after asking the system to forget the file.

    Raises:
        SlideError: When opened, if the decoder of this slide only reads regions.
    """

    @contextmanager
    def opened() -> Generator[Work]:
        with job.open() as slide:
            frames, rendition, cells = needed_frames(job, slide, job.sample.downsample)
            _forget(job.path)

            def work() -> int:
                for first in range(0, len(cells), BATCH_SIZE):
                    frames.fetch(rendition.level, cells[first : first + BATCH_SIZE])
                return job.sample.n_tiles

            yield work

    return Contender(name, opened)


def can_forget() -> bool:
    """Whether the system can be asked to forget a file that it keeps in memory."""
    return hasattr(os, "posix_fadvise")


def _forget(path: Path) -> None:
    if can_forget():
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def openslide_resized(job: Job, name: str = "OpenSlide + resize") -> Contender:
    """Read by OpenSlide as is usual: the best level for the downsample, RGBA to RGB, Pillow's default resize where needed."""
    import openslide

    @contextmanager
    def opened() -> Generator[Work]:
        sample = job.sample
        with openslide.OpenSlide(job.path) as slide:
            level = slide.get_best_level_for_downsample(sample.downsample * 1.01)
            side = round(sample.window_px0 / slide.level_downsamples[level])

            def read(xy: list[int]) -> NDArray[np.uint8]:
                tile = slide.read_region((xy[0], xy[1]), level, (side, side)).convert("RGB")
                return np.asarray(tile if side == sample.size_px else tile.resize((sample.size_px, sample.size_px)))

            def work() -> int:
                in_threads(read, sample.xy_px0.tolist(), job.threads)
                return sample.n_tiles

            yield work

    return Contender(name, opened)
