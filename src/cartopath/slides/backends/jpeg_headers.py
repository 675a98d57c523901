"""What a JPEG says of itself in front of its pixels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cartopath.slides.backends.protocol import FrameError

QUANTIZATION, HUFFMAN, RESTARTS = 0xDB, 0xC4, 0xDD
"""Markers of segments: tables, and after how many blocks decoding starts anew."""
SEQUENTIAL = (0xC0, 0xC1)
"""Markers of the coding processes in which the pixels come once, from top to bottom."""
_JFIF, _ADOBE, _SCAN = 0xE0, 0xEE, 0xDA
_TRANSFORM_ROWS = 8
_WORTH = 1 / 16
"""Of a frame's rows: what leaving out fewer saves is lost on seeing to it."""
_FRAME_STARTS = frozenset(range(0xC0, 0xD0)) - {HUFFMAN, 0xC8, 0xCC}


class JpegHeader(NamedTuple):  # made for every frame, and cheaper to make than a frozen dataclass
    """What the segments in front of a frame's pixels say.

    Attributes:
        kind: Marker of the coding process, 0xC0 for the usual one.
        height: In pixels.
        width: In pixels.
        n_components: 1 for greyscale, 3 for colours, 4 for CMYK.
        height_at: Where the two bytes are that say the height.
        end: Bytes up to the end of what says this.
        block_rows: Rows of pixels that are coded together: 8, or more where colours are stored in fewer rows.
    """

    kind: int
    height: int
    width: int
    n_components: int
    height_at: int = 0
    end: int = 0
    block_rows: int = 0


def read_header(data: bytes | memoryview) -> JpegHeader:
    """Return what the segments in front of a frame's pixels say.

    Raises:
        FrameError: It is no JPEG.
    """
    for kind, start, end in segments(data):
        if kind in _FRAME_STARTS and end - start >= 6:
            height, width = data[start + 1] << 8 | data[start + 2], data[start + 3] << 8 | data[start + 4]
            if height < 1 or width < 1:
                break
            most_samples = max([1, *(factors & 15 for factors in data[start + 7 : end : 3])])
            return JpegHeader(kind, height, width, data[start + 5], start + 1, end, _TRANSFORM_ROWS * most_samples)
    raise FrameError("it is no JPEG, or its first bytes are damaged")


def has_restarts(data: bytes | memoryview) -> bool:
    """Whether decoding starts anew within the pixels."""
    return any(kind == RESTARTS for kind, _, _ in segments(data))


def upper_rows(
    data: bytes | memoryview, header: JpegHeader, height_at: int, n_rows: int, shrink: int
) -> tuple[bytes | memoryview, int]:
    """Return a frame that declares to end soon after its upper rows, so that the rest is not decoded, and how high it is then.

    It ends where blocks end, a row of colours later where these are enlarged smoothly: that takes their neighbours into account.
    Decoders will find more bytes than they expect. Frames in which decoding starts anew, or whose pixels do not come from top to
    bottom, are returned as they are.

    Args:
        data: A whole JPEG.
        header: What it says.
        height_at: Where in `data` its height is.
        n_rows: That are needed, counted after it was made smaller.
        shrink: How many times smaller it will be decoded.

    Returns:
        The frame, and how many rows of it will be decoded, made smaller.
    """
    n_needed = (n_rows + (2 if header.block_rows > _TRANSFORM_ROWS else 0)) * shrink
    n_declared = -(-n_needed // header.block_rows) * header.block_rows
    if header.height - n_declared < header.height * _WORTH or header.kind not in SEQUENTIAL or has_restarts(data):
        return data, header.height // shrink
    height = n_declared.to_bytes(2, "big")
    return b"".join((data[:height_at], height, data[height_at + 2 :])), n_declared // shrink


def says_ycbcr(data: bytes | memoryview) -> bool:
    """Whether the first bytes of a frame hold a marker by which decoders know that its colours are YCbCr."""
    for kind, start, end in segments(data):
        if kind == _JFIF and data[start : start + 5] == b"JFIF\0":
            return True
        if kind == _ADOBE and data[start : start + 5] == b"Adobe" and end - start >= 12:
            return data[start + 11] == 1
    return False


def segments(data: bytes | memoryview) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and end of the content of each segment in front of the pixels; of none if it is no JPEG."""
    place = 2 if data[:2] == b"\xff\xd8" else len(data)
    while place + 4 <= len(data) and data[place] == 0xFF:
        kind = data[place + 1]
        if kind == 0xFF:  # padding
            place += 1
            continue
        end = place + 2 + (data[place + 2] << 8 | data[place + 3])
        yield kind, place + 4, min(end, len(data))
        if kind == _SCAN:
            return
        place = end
