"""Other libraries that read slides, each used as its own documentation advises. None is needed: those installed are measured.

All read tiles of level 0. `Peer.reader` opens a slide and gives a function that reads tiles and hands each to `keep`.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cartopath.benchmark.race import Contender, Work
from cartopath.benchmark.readers import BATCH_SIZE, Job, Keep, in_threads
from cartopath.core.errors import TileError
from cartopath.slides import read_tiles

ReadTiles = Callable[[NDArray[np.int64], int, int, Keep], None]
"""Reads tiles: their level-0 corners (n, 2), their side, the number of threads, and who takes them."""


@dataclass(frozen=True)
class Peer:
    """A library.

    Attributes:
        name: As its authors write it.
        module: What is imported.
        packages: Names under which it can be installed, for its version.
        advice: How it is used here, and where that is recommended.
        reader: Opens a slide.
    """

    name: str
    module: str
    packages: tuple[str, ...]
    advice: str
    reader: Callable[[Path], AbstractContextManager[ReadTiles]]

    def version(self) -> str | None:
        """Return the version of the installed package; None where it is not installed."""
        for package in self.packages:
            try:
                return version(package)
            except PackageNotFoundError:
                continue
        return None

    def library_version(self) -> str | None:
        """Return the version of the library itself, where its package is only a binding that knows it."""
        own = getattr(importlib.import_module(self.module), "__library_version__", None)
        return self.version() if own is None else str(own)

    def why_not(self) -> str | None:
        """Return why it cannot be used here; None if it can."""
        if self.version() is None:
            return "not installed"
        try:
            importlib.import_module(self.module)
        except (ImportError, OSError) as error:
            return f"installed, but cannot be loaded ({error})"
        return None


def failures() -> tuple[type[Exception], ...]:
    """Return what the libraries that are loaded raise on a slide that they cannot read."""
    own = [
        getattr(sys.modules.get(module), name, None) for module, name in (("openslide", "OpenSlideError"), ("pyvips", "Error"))
    ]
    return (ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError, *filter(None, own))


def _by_tile(read: Callable[[int, int, int], NDArray[np.uint8]]) -> ReadTiles:
    """Return a reader of many tiles from one of single tiles (x, y, side) that several threads may call."""

    def read_tiles_(xy_px0: NDArray[np.int64], size_px: int, threads: int, keep: Keep) -> None:
        corners = list(enumerate(xy_px0.tolist()))
        in_threads(lambda item: keep(item[0], read(item[1][0], item[1][1], size_px)), corners, threads)

    return read_tiles_


@contextmanager
def _openslide(path: Path) -> Generator[ReadTiles]:
    import openslide

    with openslide.OpenSlide(path) as slide:
        yield _by_tile(lambda x, y, side: np.asarray(slide.read_region((x, y), 0, (side, side)).convert("RGB")))


@contextmanager
def _tiffslide(path: Path) -> Generator[ReadTiles]:
    tiffslide: Any = importlib.import_module("tiffslide")
    with tiffslide.TiffSlide(path) as slide:
        yield _by_tile(lambda x, y, side: slide.read_region((x, y), 0, (side, side), as_array=True))


@contextmanager
def _pyvips(path: Path) -> Generator[ReadTiles]:
    pyvips: Any = importlib.import_module("pyvips")
    # Otherwise libvips finds the image of an earlier turn, with the tiles that it has decoded.
    image = pyvips.Image.tiffload(str(path), access="random", revalidate=True)
    if image.hasalpha():
        image = image[:3]
    own = threading.local()

    def read(x: int, y: int, side: int) -> NDArray[np.uint8]:
        if not hasattr(own, "region"):
            own.region = pyvips.Region.new(image)
        return np.frombuffer(own.region.fetch(x, y, side, side), np.uint8).reshape(side, side, 3)

    yield _by_tile(read)


@contextmanager
def _cucim(path: Path) -> Generator[ReadTiles]:
    slide: Any = importlib.import_module("cucim").CuImage(str(path))

    def read_tiles_(xy_px0: NDArray[np.int64], size_px: int, threads: int, keep: Keep) -> None:
        number = 0
        for batch in slide.read_region(
            [tuple(xy) for xy in xy_px0.tolist()], (size_px, size_px), level=0, num_workers=threads, batch_size=BATCH_SIZE
        ):
            pixels: Any = np.asarray(batch)
            for tile in pixels.reshape(-1, size_px, size_px, 3):
                keep(number, tile)
                number += 1

    try:
        yield read_tiles_
    finally:
        slide.close()


@contextmanager
def _fastslide(path: Path) -> Generator[ReadTiles]:
    fastslide: Any = importlib.import_module("fastslide")
    with fastslide.FastSlide.from_file_path(str(path)) as slide:
        yield _by_tile(lambda x, y, side: slide.read_region((x, y), 0, (side, side)).numpy())


PEERS = (
    Peer("OpenSlide", "openslide", ("openslide-python",), "one handle, read_region(...).convert('RGB')", _openslide),
    Peer("tiffslide", "tiffslide", ("tiffslide",), "one handle, read_region(..., as_array=True)", _tiffslide),
    Peer("pyvips", "pyvips", ("pyvips",), "tiffload, random access, one Region per thread, Region.fetch", _pyvips),
    Peer(
        "cuCIM (CPU)", "cucim", ("cucim-cu12", "cucim-cu13", "cucim"), "read_region(locations, num_workers, batch_size)", _cucim
    ),
    Peer("fastslide", "fastslide", ("fastslide",), "one handle, read_region(...).numpy()", _fastslide),
)


def note(peer: Peer, job: Job) -> str:
    """Return which version was measured, and how its pixels compare with ours."""
    try:
        pixels = f"pixels {agreement(peer, job)}"
    except TileError:
        pixels = "pixels not compared, as cartopath cannot decode some"
    return f"{peer.library_version()}; {pixels}"


def contender(peer: Peer, job: Job) -> Contender:
    """Return a library as a contender; tiles are of level 0."""

    @contextmanager
    def opened() -> Generator[Work]:
        with peer.reader(job.path) as read:

            def work() -> int:
                read(job.sample.xy_px0, job.sample.size_px, job.threads, lambda number, tile: None)
                return job.sample.n_tiles

            yield work

    return Contender(peer.name, opened)


def trouble(contender: Contender) -> str | None:
    """Let another library take a turn, and return why it cannot; None if it can."""
    try:
        with contender.opened() as work:
            work()
    except failures() as error:
        return f"cannot read it ({' '.join(str(error).split())})"
    return None


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far pixels of another library differ from ours.

    Attributes:
        share_equal: Of the values, over pixels and colours.
        largest: Difference, 0..255.
    """

    share_equal: float
    largest: int

    def __str__(self) -> str:
        return "equal" if self.largest == 0 else f"{self.share_equal:.1%} equal, differ by {self.largest} at most"


def agreement(peer: Peer, job: Job, *, n_tiles: int = 16) -> Agreement:
    """Compare the first tiles of a job with what cartopath reads.

    Raises:
        SlideError: A tile cannot be decoded.
    """
    xy = job.sample.xy_px0[:n_tiles]
    size = job.sample.size_px
    with job.open() as slide:
        ours = read_tiles(slide, xy, window_px0=size, size_px=size, threads=job.threads)
    theirs = np.zeros_like(ours)
    with peer.reader(job.path) as read:
        read(xy, size, job.threads, lambda number, tile: theirs.__setitem__(number, tile[..., :3]))
    difference = np.abs(ours.astype(np.int16) - theirs)
    return Agreement(float((difference == 0).mean()), int(difference.max()))
