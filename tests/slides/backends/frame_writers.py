"""TIFF slides made of frames that were compressed before: every kind of frame, sound or not."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import simplejpeg
import tifffile
from numpy.typing import NDArray

from cartopath.slides.backends.jpeg_headers import HUFFMAN, QUANTIZATION, segments

Pixels = NDArray[np.uint8]
Encoder = Callable[[Pixels], bytes]

APERIO = "Aperio Image Library v11.0.37\r\n700x500 [0,0 700x500] (256x256)|AppMag = 20|MPP = 0.5"


def picture(width: int, height: int, *, seed: int = 0) -> Pixels:
    """Noise on slow waves: uint8 (height, width, 3)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    waves = np.stack([np.sin(x / 40), np.cos(y / 30), np.sin((x + y) / 50)], axis=-1)
    return (128 + 90 * waves + rng.integers(-20, 20, (height, width, 1))).round().astype(np.uint8)


def cut(image: Pixels, side: int) -> list[Pixels]:
    """Return the frames of an image, row by row; those at the border repeat its last pixels."""
    height, width = image.shape[:2]
    room = ((0, -height % side), (0, -width % side), (0, 0))
    whole = np.pad(image, room, mode="edge")
    corners = [(top, left) for top in range(0, height, side) for left in range(0, width, side)]
    return [np.ascontiguousarray(whole[top : top + side, left : left + side]) for top, left in corners]


def write_frames(
    path: Path,
    frames: Sequence[bytes],
    size: tuple[int, int],
    *,
    side: int | tuple[int, int],
    compression: int = 7,
    photometric: str = "ycbcr",
    subsampling: tuple[int, int] = (1, 1),
    tables: bytes | None = None,
    description: str | None = None,
    bigtiff: bool = False,
    samples: int = 3,
) -> Path:
    """Write a slide of one level, `size` (width, height), out of compressed frames as they are; `side` may be (height, width)."""
    options: dict[str, Any] = {"jpegtables": tables} if compression == 7 else {}
    if compression == 7 and photometric == "ycbcr":
        options["subsampling"] = subsampling
    if compression == 7 and photometric == "rgb":
        options["compressionargs"] = {"outcolorspace": "rgb"}
    shape = (size[1], size[0], samples) if samples > 1 else (size[1], size[0])
    with warnings.catch_warnings(), tifffile.TiffWriter(path, bigtiff=bigtiff) as writer:
        warnings.simplefilter("ignore")
        writer.write(
            iter(frames),
            shape=shape,
            dtype=np.uint8,
            tile=(side, side) if isinstance(side, int) else side,
            photometric=photometric,
            compression=compression,
            description=description,
            metadata=None,
            **options,
        )
    return path


def ycbcr_jpeg(subsampling: str = "444", quality: int = 80) -> Encoder:
    """Encode as YCbCr with a JFIF marker."""
    return lambda frame: simplejpeg.encode_jpeg(frame, quality=quality, colorsubsampling=subsampling)


def rgb_jpeg(frame: Pixels) -> bytes:
    """Encode as RGB that says so nowhere, as Aperio does."""
    return without(imagecodecs.jpeg8_encode(frame, level=80, colorspace="rgb", outcolorspace="rgb", subsampling=(1, 1)), 0xEE)


def without(jpeg: bytes, *kinds: int) -> bytes:
    """Return a JPEG without its segments of some kinds."""
    parts = [(start - 4, end) for kind, start, end in segments(jpeg) if kind in kinds]
    for start, end in reversed(parts):
        jpeg = jpeg[:start] + jpeg[end:]
    return jpeg


def tables_apart(jpegs: Sequence[bytes]) -> tuple[bytes, list[bytes]]:
    """Return the tables that all frames share and the frames without tables or markers."""
    parts = [jpegs[0][start - 4 : end] for kind, start, end in segments(jpegs[0]) if kind in (QUANTIZATION, HUFFMAN)]
    return b"\xff\xd8" + b"".join(parts) + b"\xff\xd9", [without(jpeg, QUANTIZATION, HUFFMAN, 0xE0, 0xEE) for jpeg in jpegs]


def rarely_subsampled_jpeg() -> bytes:
    """Return a JPEG of 144 x 16 px whose second and third components have a third of the first one's columns.

    No encoder at hand writes such: the blocks of a picture of 160 x 8 px are dealt out anew. They are as many, and all components
    of an RGB picture share their tables.
    """
    jpeg = bytearray(rgb_jpeg(picture(160, 8)))
    place = jpeg.index(b"\xff\xc0")
    jpeg[place + 5 : place + 9] = struct.pack(">HH", 16, 144)
    jpeg[place + 11] = 0x31
    return bytes(jpeg)


def jpeg2000(frame: Pixels, *, mct: bool = True, level: int = 0) -> bytes:
    """Encode as a bare codestream; lossless at level 0."""
    return bytes(imagecodecs.jpeg2k_encode(frame, codecformat="j2k", mct=mct, reversible=level == 0, level=level))


def subsampled_jpeg2000(frame: Pixels, step_x: int, step_y: int) -> bytes:
    """Encode three components, the second and third at a lower resolution, as one lossless codestream.

    Each component is encoded by itself. In the order component, place, resolution the packets of all three then simply follow
    each other behind a header that counts three components.
    """
    planes = [frame[..., 0], *(frame[::step_y, ::step_x, channel] for channel in (1, 2))]
    streams = [
        imagecodecs.jpeg2k_encode(np.ascontiguousarray(plane), codecformat="j2k", mct=False, reversible=True, resolutions=4)
        for plane in planes
    ]
    packets = b"".join(stream[_start_of_data(stream) : -2] for stream in streams)
    head = b"\xff\x4f"
    for kind, content in _codestream_segments(streams[0]):
        if kind == 0x51:  # sizes
            content = content[:34] + struct.pack(">H", 3) + bytes([7, 1, 1, 7, step_x, step_y, 7, step_x, step_y])
        elif kind == 0x52:  # coding style: component, place, resolution
            content = content[:1] + b"\x04" + content[2:]
        elif kind == 0x90:  # start of the only part
            content = content[:2] + struct.pack(">I", 12 + 2 + len(packets)) + content[6:]
        elif kind != 0x5C:
            continue
        head += bytes([0xFF, kind]) + struct.pack(">H", len(content) + 2) + content
    return head + b"\xff\x93" + packets + b"\xff\xd9"


def _codestream_segments(stream: bytes) -> Iterator[tuple[int, bytes]]:
    place = 2
    while stream[place + 1] != 0x93:
        end = place + 2 + int.from_bytes(stream[place + 2 : place + 4], "big")
        yield stream[place + 1], stream[place + 4 : end]
        place = end


def _start_of_data(stream: bytes) -> int:
    return 4 + sum(4 + len(content) for _, content in _codestream_segments(stream))
