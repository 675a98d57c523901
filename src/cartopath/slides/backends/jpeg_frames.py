"""Frames compressed as JPEG: made whole, told which colours they hold, and decoded at full size or 2, 4 or 8 times smaller.

A frame of a TIFF may lack the tables that all frames share, and it is the directory, not the frame, that says whether its three
components are RGB or YCbCr. Both are written in front of the frame's own segments, where any JPEG decoder looks for them.

The slow, exact transform and smooth enlarging of the colours are used, as OpenSlide does. A frame that libjpeg warns of is
refused, as OpenSlide does, unless all of its pixels were decoded before the warning.

A JPEG is coded from top to bottom. Where only its upper rows are needed, as at the lower border of a tile, it is declared to be
less high and decoding ends there; the pixels are the same, and damage further down is not seen.
"""

from __future__ import annotations

import imagecodecs
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from cartopath.slides.array_pool import POOL
from cartopath.slides.backends.jpeg_headers import (
    HUFFMAN,
    QUANTIZATION,
    SEQUENTIAL,
    JpegHeader,
    has_restarts,
    read_header,
    segments,
    upper_rows,
)
from cartopath.slides.backends.protocol import FrameError
from cartopath.slides.backends.tiff_level import YCBCR, TiffLevel

SHRINKS = (1, 2, 4, 8)
"""How many times smaller libjpeg can decode."""
_SAYS_YCBCR = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
_SAYS_RGB = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"
_AFTER_THE_PIXELS = "extraneous bytes before marker 0xd9"
_RARE_SUBSAMPLING = "subsampling"


class JpegDecoder:
    """Decodes the frames of one level; safe to use from several threads."""

    def __init__(self, level: TiffLevel) -> None:
        self._n_components = level.samples_per_frame
        self._mode = "GRAY" if level.samples_per_frame == 1 else "RGB"
        colours = b""
        if level.samples_per_frame == 3 and not (level.photometric != YCBCR and level.frames_say_ycbcr):
            colours = _SAYS_YCBCR if level.photometric == YCBCR else _SAYS_RGB
        self._tables = _tables(level.jpeg_tables or b"")
        self._front = b"\xff\xd8" + colours + self._tables
        self._is_ycbcr = level.photometric == YCBCR
        self._known = (b"no JPEG", JpegHeader(0, 0, 0, 0))
        self._usual_size = (level.frame_height, level.frame_width)

    def decode_usual(self, data: bytes | memoryview, shrink: int, out: NDArray[np.uint8], n_rows: int | None = None) -> bool:
        """Decode a frame of colours that begins as the one before it and has the size of its level's frames, as most do.

        The rest is for `decode`, which takes a closer look. This is short because one thread at a time can run Python: the others
        wait for whatever it does beside decoding.

        Args:
            data: The frame.
            shrink: How many times smaller.
            out: uint8 (h, w, 3), of that size.
            n_rows: How many of the upper rows of `out` are needed; None for all.

        Returns:
            Whether these are filled.
        """
        first_bytes, header = self._known
        height, width = header.height, header.width
        if bytes(data[: len(first_bytes)]) != first_bytes or (height, width) != self._usual_size or self._mode != "RGB":
            return False
        height, width = height // shrink, width // shrink
        if out.shape != (height, width, 3) or self._n_components != 3:
            return False
        whole = self.whole(data)
        if n_rows is not None and n_rows < height:
            shorter, n_rows = upper_rows(whole, header, header.height_at + len(whole) - len(data), n_rows, shrink)
            if n_rows < height and _is_filled(shorter, out[:n_rows], may_go_on=True):
                return True
        return _is_filled(whole, out)

    def header(self, data: bytes | memoryview) -> JpegHeader:
        """Return what a frame says of itself; at once if it begins as the last one did, as the frames of a level mostly do.

        Raises:
            FrameError: It is no JPEG, or has another number of components than its level.
        """
        first_bytes, known = self._known
        if bytes(data[: len(first_bytes)]) == first_bytes:
            return known
        header = read_header(data)
        if header.n_components != self._n_components:
            raise FrameError(f"a JPEG of {header.n_components} components, where its directory declares {self._n_components}")
        self._known = bytes(data[: header.end]), header
        return header

    def decode(
        self, data: bytes | memoryview, header: JpegHeader, *, shrink: int = 1, out: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint8]:
        """Return the pixels of a frame, uint8 (h, w, 1, 3 or 4), its sides divided by `shrink`, rounded up; in `out` if they fit.

        Raises:
            ValueError: It is damaged.
        """
        shape = (-(-header.height // shrink), -(-header.width // shrink), self._n_components)
        pixels = out if out is not None and out.shape == shape else POOL.take(shape)
        if self._n_components == 4:
            return np.asarray(imagecodecs.jpeg8_decode(bytes(data), tables=self._tables_alone, out=pixels))
        whole = self.whole(data)
        try:
            return _decoded(whole, self._mode, pixels, is_scaled=shrink > 1)
        except ValueError as error:
            return self._second_look(whole, header, pixels, shrink, error)

    def whole(self, data: bytes | memoryview) -> bytes | memoryview:
        """Return the frame with what it lacks; as it is, where it lacks nothing."""
        if len(self._front) == 2 or (self._is_ycbcr and not self._tables and data[6:10] == b"JFIF"):
            return data
        return self._front + memoryview(data)[2:]

    @property
    def _tables_alone(self) -> bytes | None:
        return b"\xff\xd8" + self._tables + b"\xff\xd9" if self._tables else None

    def _second_look(
        self, whole: bytes | memoryview, header: JpegHeader, pixels: NDArray[np.uint8], shrink: int, error: ValueError
    ) -> NDArray[np.uint8]:
        """Return the pixels of a frame that was refused for what does not concern them; raise the error otherwise."""
        if _AFTER_THE_PIXELS in str(error) and header.kind in SEQUENTIAL and not has_restarts(whole):
            return _decoded(whole, self._mode, pixels, is_scaled=shrink > 1, strict=False)
        if _RARE_SUBSAMPLING in str(error) and self._n_components == 3:
            return _averaged(np.asarray(imagecodecs.jpeg8_decode(bytes(whole), outcolorspace="RGB")), pixels, shrink)
        raise error


def _is_filled(data: bytes | memoryview, out: NDArray[np.uint8], *, may_go_on: bool = False) -> bool:
    """Decode colours of this size; return whether nothing was wrong, or only that the frame `may_go_on` after these rows."""
    height, width = out.shape[:2]
    try:
        found = simplejpeg.decode_jpeg(data, min_height=height, min_width=width, buffer=out)
    except ValueError as error:  # raised after all rows were decoded
        return may_go_on and _AFTER_THE_PIXELS in str(error)
    return bool(found.shape == out.shape)


def _tables(stream: bytes) -> bytes:
    """Return the segments of shared tables that count for the frames after them."""
    return b"".join(stream[start - 4 : end] for kind, start, end in segments(stream) if kind in (QUANTIZATION, HUFFMAN))


def _decoded(
    data: bytes | memoryview, mode: str, pixels: NDArray[np.uint8], *, is_scaled: bool, strict: bool = True
) -> NDArray[np.uint8]:
    """Fill `pixels` with a picture of that size."""
    height, width = pixels.shape[:2] if is_scaled else (0, 0)
    found = simplejpeg.decode_jpeg(data, mode, min_height=height, min_width=width, buffer=pixels, strict=strict)
    if found.shape != pixels.shape:
        raise ValueError(f"{found.shape[1]} x {found.shape[0]} px where {pixels.shape[1]} x {pixels.shape[0]} were expected")
    return pixels


def _averaged(full: NDArray[np.uint8], pixels: NDArray[np.uint8], shrink: int) -> NDArray[np.uint8]:
    """Fill `pixels` with averages of blocks of a whole picture."""
    height, width = pixels.shape[:2]
    room = ((0, height * shrink - full.shape[0]), (0, width * shrink - full.shape[1]), (0, 0))
    blocks = np.pad(full, room, mode="edge").reshape(height, shrink, width, shrink, -1)
    pixels[...] = blocks.mean(axis=(1, 3)).round()
    return pixels
