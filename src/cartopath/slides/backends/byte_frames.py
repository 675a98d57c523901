"""Frames whose values are stored one after the other, as they are or compressed as bytes of any kind would be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from cartopath.slides.backends.protocol import FrameError
from cartopath.slides.backends.tiff_level import NO_COMPRESSION, TiffLevel

_CODECS: dict[int, Callable[..., Any]] = {
    5: imagecodecs.lzw_decode,
    8: imagecodecs.zlib_decode,
    32773: imagecodecs.packbits_decode,
    32946: imagecodecs.zlib_decode,
    34925: imagecodecs.lzma_decode,
    50000: imagecodecs.zstd_decode,
}
COMPRESSIONS = {NO_COMPRESSION, *_CODECS}
"""Values of TIFF tag 259."""


def decode_bytes(data: bytes, level: TiffLevel, inside: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the values of a frame, uint8 (h, w, samples): tiles are always whole, the last strip ends with the image.

    Args:
        data: The frame.
        level: Its level.
        inside: Height and width of the part of the frame that lies on its level.

    Raises:
        FrameError: It holds too few values.
        RuntimeError: It is damaged.
    """
    height, width = (level.frame_height, level.frame_width) if level.is_tiled else inside
    n_needed = height * width * level.samples_per_frame
    values = np.frombuffer(data, np.uint8) if level.compression == NO_COMPRESSION else _unpacked(data, level)
    if values.size < n_needed:
        raise FrameError(f"it holds {values.size:,} of {n_needed:,} values")
    pixels = values[:n_needed].reshape(height, width, level.samples_per_frame)
    return np.add.accumulate(pixels, axis=1, dtype=np.uint8) if level.has_predictor else pixels


def _unpacked(data: bytes, level: TiffLevel) -> NDArray[np.uint8]:
    """Return the values of a frame, no more than its directory declares."""
    room = np.empty(level.frame_width * level.frame_height * level.samples_per_frame, np.uint8)
    return np.asarray(_CODECS[level.compression](data, out=room))
