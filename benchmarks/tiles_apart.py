"""How fast tiles that lie apart are read, with no more decoded of a frame than the rows that a tile reaches into.

    python benchmarks/tiles_apart.py [SLIDE ...] [--tiles 300] [--seconds 30] [--threads 1]

Without slides it writes one of its own, 256 px frames in 4:2:0. For each slide and size of tile it prints the rate of the stream
and its ratio to that of a stream that decodes whole frames, by turns.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cartopath.benchmark.generated import GeneratedSlide, write_generated_slide
from cartopath.benchmark.race import Contender, Work, race
from cartopath.benchmark.results import machine
from cartopath.core.geometry import SizePx0
from cartopath.slides import iter_tiles, open_slide
from cartopath.slides.backends.tiff_frames import TiffFrames

SIZES_PX = (224, 512)
BATCH_SIZE = 32


def scattered(path: Path, size_px: int, n_tiles: int) -> NDArray[np.int64]:
    """Return tiles anywhere on a slide, from top to bottom."""
    with open_slide(path, assume_mpp=0.5) as slide:
        size = slide.dimensions_px0
    corners = np.random.default_rng(0).integers(0, (size.width - size_px, size.height - size_px), (n_tiles, 2))
    return corners[np.argsort(corners[:, 1])]


@contextmanager
def whole_frames() -> Generator[None]:
    """Have every frame decoded as a whole."""
    decode = TiffFrames.decode
    TiffFrames.decode = lambda *args, n_rows=None, **options: decode(*args, **options)
    try:
        yield
    finally:
        TiffFrames.decode = decode


@contextmanager
def as_it_is() -> Generator[None]:
    """Leave everything as it is."""
    yield


def reader(
    name: str, path: Path, xy_px0: NDArray[np.int64], size_px: int, threads: int, way: Callable[[], AbstractContextManager[None]]
) -> Contender:
    """Return the stream of these tiles."""

    @contextmanager
    def opened() -> Generator[Work]:
        with way(), open_slide(path, assume_mpp=0.5) as slide:

            def work() -> int:
                tiles = iter_tiles(slide, xy_px0, window_px0=size_px, size_px=size_px, batch_size=BATCH_SIZE, threads=threads)
                return sum(len(batch.pixels) for batch in tiles)

            yield work

    return Contender(name, opened)


def main() -> None:
    """Measure every slide."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("slides", nargs="*", type=Path)
    parser.add_argument("--tiles", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=30, help="per slide and size")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / "tiled-256-420.tif"
        if not options.slides:
            write_generated_slide(own, GeneratedSlide(SizePx0(40_960, 40_960), mpp=0.5))
        for path in options.slides or [own]:
            for size_px in SIZES_PX:
                corners = scattered(path, size_px, options.tiles)
                ways = {"rows needed": as_it_is, "whole frames": whole_frames}
                contenders = [reader(name, path, corners, size_px, options.threads, way) for name, way in ways.items()]
                found = race(contenders, seconds=options.seconds)
                rate, ratio = found.rate("rows needed"), found.ratio("rows needed", "whole frames")
                print(f"{path.name}, tiles of {size_px} px: {rate:,.0f} tiles/s, {ratio} times as fast", flush=True)


if __name__ == "__main__":
    main()
