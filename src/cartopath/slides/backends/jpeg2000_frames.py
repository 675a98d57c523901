"""Frames compressed as JPEG 2000: RGB, or YCbCr whose colours may be stored at a lower resolution.

Aperio's compression 33003 is YCbCr and says so only by its number; its frames are bare codestreams.
"""

from __future__ import annotations

from dataclasses import dataclass

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from cartopath.slides.backends.protocol import FrameError

APERIO_YCBCR, APERIO_RGB, JPEG2000 = 33003, 33005, 34712
COMPRESSIONS = {APERIO_YCBCR, APERIO_RGB, JPEG2000}
"""Values of TIFF tag 259."""
_CODESTREAM = b"\xff\x4f\xff\x51"
_SEARCHED_BYTES = 4096
_SUBSAMPLED = tuple(((1, 1), step, step) for step in ((2, 1), (2, 2)))

_CHROMA = np.arange(256, dtype=np.float64) - 128
_RED = np.round(1.402 * _CHROMA).astype(np.int16)
_BLUE = np.round(1.772 * _CHROMA).astype(np.int16)
_GREEN = np.floor(0.5 - 0.34414 * _CHROMA[:, None] - 0.71414 * _CHROMA).astype(np.int16)  # of Cb, Cr


@dataclass(frozen=True, slots=True)
class Jpeg2000Header:
    """What the first bytes of a frame say.

    Attributes:
        height: In pixels.
        width: In pixels.
        n_components: 1 for greyscale, 3 for colours.
        steps: Across and down, pixels per value of each component.
    """

    height: int
    width: int
    n_components: int
    steps: tuple[tuple[int, int], ...]

    @property
    def is_subsampled(self) -> bool:
        """Whether components differ in resolution: their colours are YCbCr."""
        return len(set(self.steps)) > 1

    @property
    def can_be_decoded(self) -> bool:
        """Whether the codec knows this layout of components."""
        return not self.is_subsampled or self.steps in _SUBSAMPLED


def read_header(data: bytes) -> Jpeg2000Header:
    """Return what a frame says of itself.

    Raises:
        FrameError: It is no JPEG 2000.
    """
    start = data.find(_CODESTREAM, 0, _SEARCHED_BYTES)
    if start < 0 or len(data) < start + 45:
        raise FrameError("it is no JPEG 2000, or its first bytes are damaged")
    right, bottom, left, top = (int.from_bytes(data[start + at : start + at + 4], "big") for at in (8, 12, 16, 20))
    n_components = int.from_bytes(data[start + 40 : start + 42], "big")
    about = data[start + 42 : start + 42 + 3 * min(n_components, 4)]
    return Jpeg2000Header(bottom - top, right - left, n_components, tuple(zip(about[1::3], about[2::3], strict=False)))


def decode_jpeg2000(data: bytes, header: Jpeg2000Header, *, compression: int) -> NDArray[np.uint8]:
    """Return the pixels of a frame, uint8 (h, w, components).

    Args:
        data: The frame.
        header: Its header; the size has been compared with that of its level.
        compression: Of the level.

    Raises:
        FrameError: Its colours have a resolution that the codec does not know.
        RuntimeError: It is damaged.
        ValueError: It is not of the size that its header declares.
    """
    if not header.can_be_decoded:
        raise FrameError("JPEG 2000 whose colours have neither all nor half of the resolution")
    n_components = header.n_components
    pixels = np.empty(
        (header.height, header.width) if n_components == 1 else (header.height, header.width, n_components), np.uint8
    )
    imagecodecs.jpeg2k_decode(data, out=pixels)
    if n_components == 3 and compression == APERIO_YCBCR and not header.is_subsampled:  # which the codec has turned into RGB
        return _rgb_of_ycbcr(pixels)
    return pixels.reshape(header.height, header.width, n_components)


def _rgb_of_ycbcr(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    luma, cb, cr = pixels[..., 0].astype(np.int16), pixels[..., 1], pixels[..., 2]
    rgb = np.empty_like(pixels)
    for channel, difference in enumerate((_RED[cr], _GREEN[cb, cr], _BLUE[cb])):
        rgb[..., channel] = np.clip(luma + difference, 0, 255)
    return rgb
