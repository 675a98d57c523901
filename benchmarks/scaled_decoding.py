"""How far JPEG frames decoded 2, 4 or 8 times smaller are from frames decoded whole and then shrunk, and how fast they are.

    python benchmarks/scaled_decoding.py [SLIDE ...] [--frames 16]

Takes simulated tissue in JPEG of three kinds of subsampling and the frames with most bytes of each level of the slides named.
Prints the peak signal-to-noise ratio, in dB, of the scaled decoding against exact averages of blocks of pixels and against
Lanczos, and of Lanczos against these averages; then milliseconds per frame of the bare decoder on the same bytes and of
cartopath, by turns.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import simplejpeg
import tifffile
from numpy.typing import NDArray
from PIL import Image

from cartopath.core.geometry import RegionPx0, SizePx0
from cartopath.simulate import render_region
from cartopath.simulate.specimen import plan_specimen
from cartopath.slides.backends.jpeg_frames import JpegDecoder
from cartopath.slides.backends.tiff_backend import TiffBackend
from cartopath.slides.backends.tiff_level import JPEG
from cartopath.slides.backends.tiff_structure import TiffStructure, read_structure

SIDE_PX, FRAME_PX, MPP = 2048, 256, 0.25
TURNS = 7

Frame = tuple[tuple[int, int], tuple[bytes, ...]]


def simulated(folder: Path) -> Iterator[Path]:
    """Write simulated tissue three times."""
    specimen = plan_specimen(0, "scaled", size_px0=SizePx0(4096, 4096), mpp=MPP, fractions=(0.4, 0.4))
    tissue = render_region(specimen, RegionPx0(1024, 1024, SIDE_PX, SIDE_PX))
    for name, subsampling in (("4:4:4", (1, 1)), ("4:2:2", (2, 1)), ("4:2:0", (2, 2))):
        path = folder / f"simulated tissue, {name}.tif"
        tifffile.imwrite(
            path,
            tissue,
            tile=(FRAME_PX, FRAME_PX),
            compression="jpeg",
            compressionargs={"level": 85},
            subsampling=subsampling,
            photometric="rgb",
            metadata=None,
        )
        yield path


def fullest_frames(backend: TiffBackend, level: int, n_frames: int) -> list[Frame]:
    """Return the frames with most bytes, hence most tissue, of those that lie on the level as a whole."""
    layout = backend.frames.layout(level)
    n_cols, n_rows = layout.width // layout.frame_width, layout.height // layout.frame_height
    cells = [(col, row) for row in range(n_rows) for col in range(n_cols)]
    found = [
        (cell, data) for cell, data in zip(cells, backend.frames.fetch(level, cells), strict=True) if isinstance(data, tuple)
    ]
    return sorted(found, key=lambda frame: -len(frame[1][0]))[:n_frames]


def psnr_db(found: list[NDArray[np.floating]], reference: list[NDArray[np.floating]]) -> float:
    """Return the ratio over all frames together."""
    squares = [np.mean((a - b) ** 2) for a, b in zip(found, reference, strict=True)]
    return float(10 * np.log10(255**2 / max(np.mean(squares), 1e-12)))


def likeness(backend: TiffBackend, level: int, frames: list[Frame], shrink: int) -> list[float]:
    """Return scaled against averages, scaled against Lanczos, and Lanczos against averages, in dB."""
    whole = [backend.frames.decode(level, *frame) for frame in frames]
    scaled = [backend.frames.decode(level, *frame, shrink=shrink).astype(float) for frame in frames]
    height, width = scaled[0].shape[:2]
    averages = [frame.reshape(height, shrink, width, shrink, 3).mean(axis=(1, 3)) for frame in whole]
    lanczos = [np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.LANCZOS), float) for frame in whole]
    return [psnr_db(scaled, averages), psnr_db(scaled, lanczos), psnr_db(lanczos, averages)]


def milliseconds(backend: TiffBackend, structure: TiffStructure, level: int, frames: list[Frame], shrink: int) -> list[float]:
    """Return the time per frame of the bare decoder and of cartopath: the best of several turns for each frame."""
    decoder, layout = JpegDecoder(structure.levels[level]), backend.frames.layout(level)
    height, width = (side // shrink if shrink > 1 else 0 for side in (layout.frame_height, layout.frame_width))
    ready = [decoder.whole(data[0]) for _, data in frames]
    seconds = np.empty((TURNS, len(frames), 2))
    for turn in range(TURNS):
        for number, (frame, data) in enumerate(zip(frames, ready, strict=True)):
            start = time.perf_counter()
            simplejpeg.decode_jpeg(data, "RGB", min_height=height, min_width=width)
            middle = time.perf_counter()
            backend.frames.decode(level, *frame, shrink=shrink)
            seconds[turn, number] = middle - start, time.perf_counter() - middle
    return list(seconds.min(axis=0).mean(axis=0) * 1e3)


def show(path: Path, n_frames: int) -> None:
    """Print the rows of one slide."""
    structure = read_structure(path)
    with contextlib.closing(TiffBackend(path, structure)) as backend:
        for number, level in enumerate(structure.levels):
            shrinks = backend.frames.layout(number).shrinks
            frames = fullest_frames(backend, number, n_frames) if level.compression == JPEG and level.samples == 3 else []
            if not frames:
                continue
            subsampling = simplejpeg.decode_jpeg_header(JpegDecoder(level).whole(frames[0][1][0]))[3]
            for shrink in shrinks:
                quality = likeness(backend, number, frames, shrink) if shrink > 1 else [float("nan")] * 3
                bare, ours = milliseconds(backend, structure, number, frames, shrink)
                decibels = "".join(f"{value:9.1f}" for value in quality)
                row = f"{path.stem[:34]:34s} {number:5d} {subsampling:>6s} 1/{shrink}{decibels}"
                print(f"{row} {bare:8.3f} {ours:8.3f} {bare / ours:6.2f}", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("slides", nargs="*", type=Path, help="TIFF slides with JPEG frames")
    parser.add_argument("--frames", type=int, default=16, help="frames per level")
    arguments = parser.parse_args()
    print(f"{'':34s}                   scaled   scaled  Lanczos")
    print(f"{'slide':34s} level colour     vs mean  vs Lanc  vs mean  bare ms  ours ms  ratio")
    with tempfile.TemporaryDirectory() as folder:
        for path in [*simulated(Path(folder)), *arguments.slides]:
            show(path, arguments.frames)


if __name__ == "__main__":
    main()
