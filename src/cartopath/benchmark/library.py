"""The JPEG library by itself, with nothing of cartopath around it: whether the bare decoder is a fair reference."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import simplejpeg
import tifffile

from cartopath.benchmark.race import Contender, Work
from cartopath.benchmark.readers import Job, in_threads, needed_frames
from cartopath.slides.backends.protocol import FrameError

JPEG = 7


def jpeg_tables(path: Path, size: tuple[int, int]) -> bytes | None:
    """Return the tables that the JPEG frames of a level share, empty if there are none; None if it is not compressed as JPEG.

    Args:
        path: A TIFF.
        size: Width and height of the level.
    """
    try:
        with tifffile.TiffFile(path) as tiff:
            pages = [page for series in tiff.series for level in series.levels for page in level.pages[:1]]
            pages += list(tiff.pages)
            found = [page for page in pages if page is not None and (page.imagewidth, page.imagelength) == size]
            return (found[0].jpegtables or b"") if found and found[0].compression == JPEG else None
    except (OSError, ValueError, LookupError):
        return None


def library_decoder(job: Job, tables: bytes, name: str) -> Contender:
    """Decode the frames of level 0 that the tiles touch by simplejpeg, complete JPEG files in memory, once each.

    Args:
        job: Tiles of level 0.
        tables: That the frames share.
        name: Of the contender.

    Raises:
        SlideError: When opened, if the decoder of this slide only reads regions.
    """

    @contextmanager
    def opened() -> Generator[Work]:
        with job.open() as slide:
            frames, _, cells = needed_frames(job, slide, 1.0)
            found = frames.fetch(0, cells)
        held = [_complete(bytes(data[0]), tables) for data in found if data is not None and not isinstance(data, FrameError)]

        def decode(frame: bytes) -> None:
            with suppress(ValueError):  # damaged
                simplejpeg.decode_jpeg(frame, "RGB")

        def work() -> int:
            in_threads(decode, held, job.threads)
            return job.sample.n_tiles

        yield work

    return Contender(name, opened)


def _complete(frame: bytes, tables: bytes) -> bytes:
    """Return a frame as a JPEG file of its own: shared tables, without their end mark, go before its own segments."""
    return tables[:-2] + frame[2:] if tables else frame
