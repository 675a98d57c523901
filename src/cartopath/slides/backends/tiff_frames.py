"""Frames of a TIFF slide: their bytes out of the file, and pixels out of their bytes.

A frame is a tile or a strip. It is decoded straight into memory of a size that was compared with its directory, so a hostile
frame can neither fill the memory nor return a picture of another size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from cartopath.slides.backends import byte_frames, jpeg2000_frames
from cartopath.slides.backends.foreign_errors import FRAME_ERRORS, reason
from cartopath.slides.backends.frame_file import FrameFile, Range
from cartopath.slides.backends.jpeg_frames import SHRINKS, JpegDecoder
from cartopath.slides.backends.protocol import Cell, FrameBytes, FrameError, FrameLayout
from cartopath.slides.backends.tiff_level import JPEG, WHITE_IS_ZERO, TiffLevel

_WEBP = 50001
READABLE = {JPEG, _WEBP} | byte_frames.COMPRESSIONS | jpeg2000_frames.COMPRESSIONS
"""Values of TIFF tag 259 that can be decoded."""

_Pixels: TypeAlias = NDArray[np.uint8]
_Decoder: TypeAlias = Callable[[bytes | memoryview, tuple[int, int], int, _Pixels | None], _Pixels]
"""Bytes of a frame, height and width of its part on the level, how many times smaller, memory to use: uint8 (h, w, samples)."""


class TiffFrames:
    """The frames of an open TIFF; see `cartopath.slides.backends.protocol.FrameSource`."""

    def __init__(self, file: FrameFile, levels: Sequence[TiffLevel]) -> None:
        self._file = file
        self._levels = tuple(levels)
        self._layouts = tuple(_layout(level) for level in levels)
        self._jpegs = tuple(JpegDecoder(level) if level.compression == JPEG else None for level in levels)
        self._decoders = tuple(_decoder(level, jpeg) for level, jpeg in zip(levels, self._jpegs, strict=True))
        self._whole_cells = tuple((level.width // level.frame_width, level.height // level.frame_height) for level in levels)

    def layout(self, level: int) -> FrameLayout:
        """Return how a level is divided."""
        return self._layouts[level]

    def fetch(self, level: int, cells: Sequence[Cell]) -> list[FrameBytes | FrameError | None]:
        """Return the bytes of frames; None where the file holds none, the error where they cannot be read."""
        ranges = _ranges(self._levels[level], cells)
        parts = iter(self._file.read_many([part for planes in ranges if planes is not None for part in planes]))
        return [None if planes is None else _together([next(parts) for _ in planes]) for planes in ranges]

    @property
    def is_local(self) -> bool:
        """Whether the file is on this machine."""
        return self._file.is_local

    def read_ahead(self, level: int, cells: Sequence[Cell]) -> None:
        """Have the bytes of frames of a local file brought into memory, without waiting for them."""
        ranges = _ranges(self._levels[level], cells)
        self._file.read_ahead([part for planes in ranges if planes is not None for part in planes])

    def decode(
        self,
        level: int,
        cell: Cell,
        data: FrameBytes,
        *,
        shrink: int = 1,
        out: NDArray[np.uint8] | None = None,
        n_rows: int | None = None,
    ) -> NDArray[np.uint8]:
        """Return the pixels of a frame, uint8 (h, w, 3) RGB on white, cut to the level.

        Raises:
            FrameError: The bytes are damaged.
        """
        jpeg, (whole_cols, whole_rows) = self._jpegs[level], self._whole_cells[level]
        if (
            jpeg is not None
            and out is not None
            and cell[0] < whole_cols
            and cell[1] < whole_rows
            and jpeg.decode_usual(data[0], shrink, out, n_rows)
        ):
            return out
        found, decoder = self._levels[level], self._decoders[level]
        inside = _inside(found, cell)
        try:
            pixels = decoder(data[0], inside, shrink, out)
            if len(data) > 1:
                pixels = np.concatenate([pixels, *(decoder(part, inside, shrink, None) for part in data[1:])], axis=2)
        except FRAME_ERRORS as error:
            raise FrameError(reason(error)) from error
        height, width = -(-inside[0] // shrink), -(-inside[1] // shrink)
        if (height, width) != pixels.shape[:2]:
            pixels = pixels[:height, :width].copy()  # a view would keep the whole frame in memory
        return _rgb(pixels, found)


def _layout(level: TiffLevel) -> FrameLayout:
    can_shrink = level.compression == JPEG and level.samples_per_frame != 4
    shrinks = tuple(n for n in SHRINKS if n == 1 or (can_shrink and level.frame_width % n == level.frame_height % n == 0))
    return FrameLayout(level.width, level.height, level.frame_width, level.frame_height, shrinks)


def _ranges(level: TiffLevel, cells: Sequence[Cell]) -> list[Sequence[Range] | None]:
    """Return first byte and size of each plane of each frame; None where the file does not hold it."""
    area, n_cols = level.n_cols * level.n_rows, level.n_cols
    first = np.array([row * n_cols + col for col, row in cells], np.int64)
    by_plane = []
    for plane in range(level.n_planes):
        at = first + plane * area
        by_plane.append(zip(level.offsets[at].tolist(), level.sizes[at].tolist(), strict=True))
    return [planes if min(map(min, planes)) > 0 else None for planes in zip(*by_plane, strict=True)]


def _together(parts: list[bytes | memoryview | FrameError]) -> FrameBytes | FrameError:
    """Return the planes of a frame, or why one of them cannot be had."""
    planes = []
    for part in parts:
        if isinstance(part, FrameError):
            return part
        planes.append(part)
    return tuple(planes)


def _inside(level: TiffLevel, cell: Cell) -> tuple[int, int]:
    """Return height and width of the part of a frame that lies on its level."""
    return (
        min(level.frame_height, level.height - cell[1] * level.frame_height),
        min(level.frame_width, level.width - cell[0] * level.frame_width),
    )


def _decoder(level: TiffLevel, jpeg: JpegDecoder | None) -> _Decoder:
    """Return what decodes one plane of the frames of a level."""
    if jpeg is not None:
        return _jpeg_decoder(level, jpeg)
    if level.compression in jpeg2000_frames.COMPRESSIONS:
        return lambda data, inside, *_: _jpeg2000(bytes(data), level, inside)
    if level.compression == _WEBP:
        return lambda data, inside, *_: _webp(bytes(data), level, inside)
    return lambda data, inside, *_: byte_frames.decode_bytes(bytes(data), level, inside)


def _jpeg_decoder(level: TiffLevel, jpeg: JpegDecoder) -> _Decoder:
    whole = (level.frame_height, level.frame_width)

    def decode(data: bytes | memoryview, inside: tuple[int, int], shrink: int, out: _Pixels | None) -> _Pixels:
        header = jpeg.header(data)
        if (header.height, header.width) != whole:
            _check_size((header.height, header.width), level, inside)
        return jpeg.decode(data, header, shrink=shrink, out=out)

    return decode


def _jpeg2000(data: bytes, level: TiffLevel, inside: tuple[int, int]) -> NDArray[np.uint8]:
    header = jpeg2000_frames.read_header(data)
    _check_size((header.height, header.width), level, inside)
    if header.n_components != level.samples_per_frame:
        raise FrameError(f"{header.n_components} components, where its directory declares {level.samples_per_frame}")
    return jpeg2000_frames.decode_jpeg2000(data, header, compression=level.compression)


def _webp(data: bytes, level: TiffLevel, inside: tuple[int, int]) -> NDArray[np.uint8]:
    whole = (level.frame_height, level.frame_width)
    for size in dict.fromkeys((whole, inside)):
        pixels = np.empty((*size, level.samples_per_frame), np.uint8)
        try:
            imagecodecs.webp_decode(data, hasalpha=level.samples == 4, out=pixels)
        except ValueError as error:  # the picture has another size
            mismatch = error
        else:
            return pixels
    raise FrameError(f"it is not of the size that its directory declares ({mismatch})")


def _check_size(size: tuple[int, int], level: TiffLevel, inside: tuple[int, int]) -> None:
    """Refuse a picture that is neither whole nor, as some writers make them at the border, cut to the level."""
    height, width = size
    if height not in (level.frame_height, inside[0]) or width not in (level.frame_width, inside[1]):
        declared = f"{level.frame_width:,} x {level.frame_height:,}"
        raise FrameError(f"it is {width:,} x {height:,} px, not of the size that its directory declares ({declared})")


def _rgb(pixels: NDArray[np.uint8], level: TiffLevel) -> NDArray[np.uint8]:
    """Return samples as RGB: greyscale repeated, palettes looked up, transparent parts on white."""
    if level.palette is not None:
        colours: NDArray[np.uint8] = level.palette[pixels[..., 0]]
        return colours
    if level.samples == 1:
        grey = 255 - pixels if level.photometric == WHITE_IS_ZERO else pixels
        return np.repeat(grey, 3, axis=2)
    if level.samples == 3:
        return pixels
    if level.alpha == "none":
        return pixels[..., :3]
    colour, alpha = pixels[..., :3].astype(np.uint16), pixels[..., 3:].astype(np.uint16)
    if level.alpha == "straight":
        colour = (colour * alpha + 127) // 255
    on_white: NDArray[np.uint8] = np.minimum(colour + (255 - alpha), 255).astype(np.uint8)
    return on_white
