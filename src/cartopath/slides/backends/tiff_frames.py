"""Frames of a TIFF slide: their bytes out of the file, and pixels out of their bytes.

A frame is a tile or a strip. It is decoded straight into memory of the size that its directory declares, so a hostile frame can
neither fill the memory nor return a picture of another size.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import SlideError
from cartopath.slides.backends.foreign_errors import FRAME_ERRORS, reason
from cartopath.slides.backends.tiff_structure import NO_COMPRESSION, WHITE_IS_ZERO, YCBCR, TiffLevel

JPEG = 7
_BYTE_CODECS: dict[int, Callable[..., Any]] = {
    5: imagecodecs.lzw_decode,
    8: imagecodecs.zlib_decode,
    32773: imagecodecs.packbits_decode,
    32946: imagecodecs.zlib_decode,
    34925: imagecodecs.lzma_decode,
    50000: imagecodecs.zstd_decode,
}
_JPEG2000 = {33005, 34712}
_WEBP = 50001
READABLE = {NO_COMPRESSION, JPEG, _WEBP} | _JPEG2000 | set(_BYTE_CODECS)
"""Values of TIFF tag 259 that can be decoded."""


class FrameError(Exception):
    """A frame cannot be decoded; says why. Never leaves the backend, which knows the file and the place."""


class FrameFile:
    """The open file. Several threads may read at once."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("rb")
            self._end = self._file.seek(0, 2)
        except OSError as error:
            raise SlideError(f"{path}: cannot be read ({error.strerror or error})") from error
        self._lock = threading.Lock()

    @property
    def is_closed(self) -> bool:
        """Whether it was closed."""
        return self._file.closed

    def read(self, offset: int, size: int) -> bytes:
        """Return the bytes of a frame.

        Raises:
            FrameError: They lie beyond the end of the file, or it cannot be read.
        """
        if offset < 0 or size < 0 or offset + size > self._end:
            raise FrameError(f"its {size:,} bytes from byte {offset:,} lie beyond the end of the file at {self._end:,}")
        try:
            with self._lock:
                self._file.seek(offset)
                data = self._file.read(size)
        except OSError as error:
            raise FrameError(f"the file cannot be read ({error.strerror or error})") from error
        if len(data) < size:
            raise FrameError("the file became shorter while it was open")
        return data

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def read_frame(file: FrameFile, level: TiffLevel, col: int, row: int) -> NDArray[np.uint8] | None:
    """Return the pixels of one frame, all planes of it, as RGB on white.

    Args:
        file: The slide.
        level: The level of the frame.
        col: Column of the frame among its level's frames.
        row: Row of the frame.

    Returns:
        uint8 (h, w, 3), cut to the level where the frame reaches past it; None where the file holds no frame.

    Raises:
        FrameError: It cannot be read or decoded.
    """
    index = row * level.n_cols + col
    area = level.n_cols * level.n_rows
    planes = [
        (int(level.offsets[index + plane * area]), int(level.sizes[index + plane * area])) for plane in range(level.n_planes)
    ]
    if any(offset == 0 or size == 0 for offset, size in planes):
        return None
    decoded = [_decode(file.read(offset, size), level, col, row) for offset, size in planes]
    pixels = decoded[0] if len(decoded) == 1 else np.concatenate(decoded, axis=2)
    inside = _inside(level, col, row)
    return _rgb(pixels[: inside[0], : inside[1]], level)


def _inside(level: TiffLevel, col: int, row: int) -> tuple[int, int]:
    """Return height and width of the part of a frame that lies on its level."""
    return (
        min(level.frame_height, level.height - row * level.frame_height),
        min(level.frame_width, level.width - col * level.frame_width),
    )


def _decode(data: bytes, level: TiffLevel, col: int, row: int) -> NDArray[np.uint8]:
    """Return the samples of one plane of a frame, uint8 (h, w, samples)."""
    inside, whole = _inside(level, col, row), (level.frame_height, level.frame_width)
    try:
        if level.compression == NO_COMPRESSION:
            return _unpacked(np.frombuffer(data, np.uint8), level, inside, whole)
        if level.compression in _BYTE_CODECS:
            room = np.empty(whole[0] * whole[1] * level.samples_per_frame, np.uint8)
            found = _BYTE_CODECS[level.compression](data, out=room)
            return _undo_predictor(_unpacked(np.asarray(found), level, inside, whole), level)
        return _decode_picture(data, level, inside, whole)
    except FRAME_ERRORS as error:
        raise FrameError(reason(error)) from error


def _unpacked(values: NDArray[np.uint8], level: TiffLevel, inside: tuple[int, int], whole: tuple[int, int]) -> NDArray[np.uint8]:
    """Return a run of values as (h, w, samples): tiles are always whole, the last strip ends with the image."""
    height, width = whole if level.is_tiled else inside
    n_needed = height * width * level.samples_per_frame
    if values.size < n_needed:
        raise FrameError(f"it holds {values.size:,} of {n_needed:,} values")
    return values[:n_needed].reshape(height, width, level.samples_per_frame)


def _undo_predictor(pixels: NDArray[np.uint8], level: TiffLevel) -> NDArray[np.uint8]:
    return np.add.accumulate(pixels, axis=1, dtype=np.uint8) if level.has_predictor else pixels


def _decode_picture(data: bytes, level: TiffLevel, inside: tuple[int, int], whole: tuple[int, int]) -> NDArray[np.uint8]:
    """Decode a frame that is a picture of its own, whole or, as some writers do at the border, cut to the level."""
    shapes = list(dict.fromkeys([whole, inside, (inside[0], whole[1]), (whole[0], inside[1])]))
    mismatch: ValueError | None = None
    for shape in shapes if level.is_tiled else reversed(shapes):
        samples = level.samples_per_frame
        room = np.empty(shape if samples == 1 else (*shape, samples), np.uint8)
        try:
            _picture_codec(level)(data, room)
        except ValueError as error:  # the picture has another size
            mismatch = mismatch or error
        else:
            return room.reshape(*shape, samples)
    raise FrameError(f"it is not of the size that its directory declares ({mismatch})")


def _picture_codec(level: TiffLevel) -> Callable[[bytes, NDArray[np.uint8]], Any]:
    if level.compression in _JPEG2000:
        return lambda data, room: imagecodecs.jpeg2k_decode(data, out=room)
    if level.compression == _WEBP:
        return lambda data, room: imagecodecs.webp_decode(data, hasalpha=level.samples == 4, out=room)
    stored, wanted = _jpeg_colours(level)
    return lambda data, room: imagecodecs.jpeg8_decode(
        data, tables=level.jpeg_tables, colorspace=stored, outcolorspace=wanted, out=room
    )


def _jpeg_colours(level: TiffLevel) -> tuple[str | None, str | None]:
    """Return the colours that a JPEG frame is stored in, where it cannot be trusted to say so itself, and those wanted of it.

    A frame without a JFIF or Adobe marker says nothing; Aperio's are RGB and so says their directory.
    """
    if level.samples_per_frame == 1:
        return None, "GRAYSCALE"
    if level.samples == 4:
        return None, None
    if level.photometric == YCBCR:
        return "YCBCR", "RGB"
    return (None if level.is_jfif else "RGB"), "RGB"


def _rgb(pixels: NDArray[np.uint8], level: TiffLevel) -> NDArray[np.uint8]:
    """Return samples as RGB: greyscale repeated, palettes looked up, transparent parts on white."""
    if level.palette is not None:
        colours: NDArray[np.uint8] = level.palette[pixels[..., 0]]
        return colours
    if level.samples == 1:
        grey = 255 - pixels if level.photometric == WHITE_IS_ZERO else pixels
        return np.repeat(grey, 3, axis=2)
    if level.samples == 3 or level.alpha == "none":
        return np.ascontiguousarray(pixels[..., :3])
    colour, alpha = pixels[..., :3].astype(np.uint16), pixels[..., 3:].astype(np.uint16)
    if level.alpha == "straight":
        colour = (colour * alpha + 127) // 255
    on_white: NDArray[np.uint8] = np.minimum(colour + (255 - alpha), 255).astype(np.uint8)
    return on_white
