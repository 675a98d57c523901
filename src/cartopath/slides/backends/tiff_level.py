"""One level of a TIFF slide: how it is divided into frames, how they are compressed, and where they lie in the file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

NO_COMPRESSION, JPEG = 1, 7
"""Values of TIFF tag 259."""
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, YCBCR = 0, 1, 2, 3, 6
"""Values of TIFF tag 262."""

Alpha = Literal["none", "straight", "premultiplied"]


@dataclass(frozen=True, slots=True, eq=False)
class TiffLevel:
    """One level of a TIFF slide.

    Attributes:
        width: In pixels of the level.
        height: In pixels of the level.
        frame_width: Width of a frame (a tile, or a strip of the image's width).
        frame_height: Height of a frame.
        is_tiled: Frames are tiles, all of one size; strips end with the image.
        compression: TIFF tag 259.
        photometric: TIFF tag 262.
        samples: Values per pixel.
        is_planar: Each sample lies in frames of its own, all frames of the first sample first.
        has_predictor: Frames hold differences between neighbours of a row.
        alpha: What a fourth sample means.
        jpeg_tables: Tables shared by all JPEG frames.
        frames_say_ycbcr: The first frame says itself that its colours are YCbCr.
        palette: uint8 (256, 3) RGB of each value.
        is_upright: Stored as it is to be shown.
        offsets: int64 (n,) bytes from the start of the file to each frame; 0 where there is none.
        sizes: int64 (n,) bytes of each frame; 0 where there is none.
    """

    width: int
    height: int
    frame_width: int
    frame_height: int
    is_tiled: bool
    compression: int
    photometric: int
    samples: int
    is_planar: bool
    has_predictor: bool
    alpha: Alpha
    jpeg_tables: bytes | None
    frames_say_ycbcr: bool
    palette: NDArray[np.uint8] | None
    is_upright: bool
    offsets: NDArray[np.int64]
    sizes: NDArray[np.int64]

    @property
    def n_cols(self) -> int:
        """Frames side by side."""
        return -(-self.width // self.frame_width)

    @property
    def n_rows(self) -> int:
        """Frames one above the other."""
        return -(-self.height // self.frame_height)

    @property
    def doubt(self) -> str:
        """What OpenSlide shows otherwise than the decoder of TIFF, in one clause; "" where there is no such thing."""
        if self.frames_say_ycbcr and self.photometric == RGB and self.samples_per_frame == 3:
            return "its directory says RGB and its frames say YCbCr"
        if self.samples == 4 and self.alpha == "none":
            return "it does not say what its fourth channel is"
        if not self.is_upright and self.compression != JPEG:
            return "it is stored rotated or mirrored"
        return ""

    @property
    def n_planes(self) -> int:
        """Frames that make up the pixels of one place."""
        return self.samples if self.is_planar else 1

    @property
    def samples_per_frame(self) -> int:
        """Values per pixel of one frame."""
        return 1 if self.is_planar else self.samples
