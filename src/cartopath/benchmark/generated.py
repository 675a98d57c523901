"""Slides to measure on, of any size and ready in seconds, because their frames are used over and over.

A TIFF says of every frame where its bytes lie. Here many frames point at the same bytes: 256 different frames of drawn tissue,
mirrored so that their borders meet, fill the finest level, and a slide of 100,000 x 100,000 px takes a few megabytes. Readers
cannot tell: they find each frame by its place and decode it as often as it is asked for.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, Literal

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import ConfigError
from cartopath.core.geometry import RegionPx0, SizePx0
from cartopath.simulate import plan_specimen, render_region
from cartopath.simulate.pyramid import shrink
from cartopath.store.atomic import atomic_path

_BLOCK = 8
_GLASS = -1
_GLASS_VALUE = 243


@dataclass(frozen=True, slots=True)
class GeneratedSlide:
    """What a generated slide is like.

    Attributes:
        size_px0: Width and height of level 0.
        mpp: Micrometres per level-0 pixel.
        frame_px: Side of a frame.
        downsamples: Of the levels: powers of two that divide `frame_px`, ascending from 1.
        subsampling: Of the colours in the JPEG frames.
        tissue_share: About which share of the frames shows tissue, 0..1; it lies in the middle.
        quality: Of the JPEG frames.
        seed: Two slides of different seeds hold the same drawn frames in different places.
    """

    size_px0: SizePx0
    mpp: float = 0.5
    frame_px: int = 256
    downsamples: tuple[int, ...] = (1, 4, 16, 64)
    subsampling: Literal["420", "422", "444"] = "420"
    tissue_share: float = 0.6
    quality: int = 80
    seed: int = 0

    def __post_init__(self) -> None:
        if any(self.frame_px % factor or factor & (factor - 1) for factor in self.downsamples):
            raise ConfigError(f"'downsamples' must be powers of two that divide {self.frame_px} px. Got {self.downsamples!r}.")


def write_generated_slide(path: Path, spec: GeneratedSlide) -> None:
    """Write a slide as a tiled BigTIFF; replaced atomically."""
    layout = _layout(spec)
    with atomic_path(path) as temporary, Path(temporary).open("wb") as file:
        tiff = _BigTiff(file)
        for number, factor in enumerate(spec.downsamples):
            size = (max(1, spec.size_px0.width // factor), max(1, spec.size_px0.height // factor))
            tiff.write_level(_frames(layout, factor, size, spec), size, spec, is_reduced=number > 0)
        tiff.finish()


def _layout(spec: GeneratedSlide) -> NDArray[np.int16]:
    """Which drawn frame lies at each place of the finest level, int16 (rows, cols); _GLASS where there is no tissue."""
    rows, cols = -(-spec.size_px0.height // spec.frame_px), -(-spec.size_px0.width // spec.frame_px)
    y, x = (np.arange(rows) + 0.5) / rows * 2 - 1, (np.arange(cols) + 0.5) / cols * 2 - 1
    radius = np.abs(x[None, :]) ** 3 + np.abs(y[:, None]) ** 3
    inside = np.zeros(rows * cols, bool)
    inside[np.argsort(radius, axis=None, kind="stable")[: round(spec.tissue_share * rows * cols)]] = True
    side = 2 * _BLOCK
    start = np.random.default_rng(spec.seed).integers(side, size=2) if spec.seed else (0, 0)
    index = ((np.arange(rows) + start[0]) % side * side)[:, None] + ((np.arange(cols) + start[1]) % side)[None, :]
    return np.where(inside.reshape(rows, cols), index, _GLASS).astype(np.int16)


def _frames(layout: NDArray[np.int16], factor: int, size: tuple[int, int], spec: GeneratedSlide) -> Iterator[bytes]:
    """Yield the compressed frames of a level, row by row; equal frames are one object."""
    shrunk = _pictures(spec.frame_px, spec.mpp, factor)
    known: dict[bytes, bytes] = {}
    for row in range(-(-size[1] // spec.frame_px)):
        for col in range(-(-size[0] // spec.frame_px)):
            part = np.full((factor, factor), _GLASS, np.int16)
            found = layout[row * factor : (row + 1) * factor, col * factor : (col + 1) * factor]
            part[: found.shape[0], : found.shape[1]] = found
            key = part.tobytes()
            if key not in known:
                # (factor, factor, step, step, 3) -> (frame, frame, 3)
                picture = shrunk[part].swapaxes(1, 2).reshape(spec.frame_px, spec.frame_px, 3)
                known[key] = _encode(picture, spec)
            yield known[key]


def _encode(picture: NDArray[np.uint8], spec: GeneratedSlide) -> bytes:
    plane = np.ascontiguousarray(picture)
    encoded = imagecodecs.jpeg8_encode(
        plane, level=spec.quality, colorspace="RGB", outcolorspace="YCBCR", subsampling=spec.subsampling
    )
    return bytes(encoded)


@lru_cache(maxsize=8)
def _pictures(frame_px: int, mpp: float, factor: int) -> NDArray[np.uint8]:
    """Return the drawn frames, and glass as the last, `factor` times smaller: uint8 (257, frame / factor, frame / factor, 3)."""
    pictures = np.concatenate([_tissue_frames(frame_px, mpp), _glass(frame_px)])
    return pictures if factor == 1 else np.stack([shrink(picture, factor) for picture in pictures])


@lru_cache(maxsize=2)
def _tissue_frames(frame_px: int, mpp: float) -> NDArray[np.uint8]:
    """Draw a block of tissue once, mirror it to four, and return their frames, uint8 (256, frame, frame, 3)."""
    side = _BLOCK * frame_px
    specimen = plan_specimen(
        0, "generated", size_px0=SizePx0(2 * side, 2 * side), mpp=mpp, fractions=(0.4, 0.4), correlations=(0.2,)
    )
    block = render_region(specimen, RegionPx0(side // 2, side // 2, side, side))
    top = np.concatenate([block, block[:, ::-1]], axis=1)
    mirrored = np.concatenate([top, top[::-1]])
    frames = mirrored.reshape(2 * _BLOCK, frame_px, 2 * _BLOCK, frame_px, 3).swapaxes(1, 2)
    return frames.reshape(-1, frame_px, frame_px, 3)


def _glass(frame_px: int) -> NDArray[np.uint8]:
    return np.full((1, frame_px, frame_px, 3), _GLASS_VALUE, np.uint8)


class _BigTiff:
    """A BigTIFF in the making, in which frames that are one object are written once."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._written: dict[int, tuple[int, bytes]] = {}  # by identity; the frame is kept so that its identity stays its own
        self._next_at = 8
        file.write(struct.pack("<2sHHHQ", b"II", 43, 8, 0, 0))

    def write_level(self, frames: Iterator[bytes], size: tuple[int, int], spec: GeneratedSlide, *, is_reduced: bool) -> None:
        """Write the frames of a level and its directory."""
        where = [(self._place(frame), len(frame)) for frame in frames]
        per_cm = round(1e4 / (spec.mpp * spec.size_px0.width / size[0]) * 1000)
        fields = {
            254: ("I", [int(is_reduced)]),
            256: ("I", [size[0]]),
            257: ("I", [size[1]]),
            258: ("H", [8, 8, 8]),
            259: ("H", [7]),
            262: ("H", [6]),
            277: ("H", [3]),
            282: ("II", [per_cm, 1000]),
            283: ("II", [per_cm, 1000]),
            284: ("H", [1]),
            296: ("H", [3]),
            322: ("I", [spec.frame_px]),
            323: ("I", [spec.frame_px]),
            324: ("Q", [offset for offset, _ in where]),
            325: ("I", [length for _, length in where]),
            530: ("H", {"420": [2, 2], "422": [2, 1], "444": [1, 1]}[spec.subsampling]),
        }
        self._write_directory(fields)

    def finish(self) -> None:
        """Mark the last directory as the last."""
        self._file.flush()

    def _place(self, frame: bytes) -> int:
        """Write a frame unless it has been, and return where it lies."""
        if id(frame) not in self._written:
            self._written[id(frame)] = (self._file.tell(), frame)
            self._file.write(frame)
        return self._written[id(frame)][0]

    def _write_directory(self, fields: dict[int, tuple[str, list[int]]]) -> None:
        types = {"H": 3, "I": 4, "II": 5, "Q": 16}
        entries = []
        for tag, (kind, values) in fields.items():
            packed = struct.pack(f"<{len(values)}{kind[0]}", *values)
            if len(packed) > 8:
                at = self._file.tell()
                self._file.write(packed)
                packed = struct.pack("<Q", at)
            entries.append(struct.pack("<HHQ8s", tag, types[kind], len(values) // len(kind), packed))
        start = self._file.tell()
        self._file.write(struct.pack("<Q", len(entries)) + b"".join(entries) + struct.pack("<Q", 0))
        end = self._file.tell()
        self._file.seek(self._next_at)
        self._file.write(struct.pack("<Q", start))
        self._file.seek(end)
        self._next_at = end - 8
