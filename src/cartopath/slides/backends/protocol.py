"""What a decoder of slides must offer to stand behind `Slide`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Backend(Protocol):
    """An open slide file: its levels, its properties and its pixels.

    Reading must be safe from several threads at once. Every failure of the decoder leaves it as a `SlideError` that names the
    file. Label and macro images are not offered: they can carry patient names.
    """

    @property
    def name(self) -> str:
        """Short name of the decoder, for provenance."""
        ...

    @property
    def path(self) -> Path:
        """The file."""
        ...

    @property
    def level_dimensions(self) -> tuple[tuple[int, int], ...]:
        """(width, height) of each level in its own pixels, level 0 (full resolution) first."""
        ...

    @property
    def level_downsamples(self) -> tuple[float, ...]:
        """Level-0 pixels per pixel of each level; 1.0 first, ascending."""
        ...

    @property
    def properties(self) -> Mapping[str, str]:
        """What the file says about itself, under the names that OpenSlide uses."""
        ...

    def read_region(self, x_px0: int, y_px0: int, level: int, width: int, height: int) -> NDArray[np.uint8]:
        """Return `height` x `width` pixels of `level` from a level-0 corner, (h, w, 3) RGB; white where there is no slide."""
        ...

    def close(self) -> None:
        """Let go of the file; closing twice does no harm."""
        ...
