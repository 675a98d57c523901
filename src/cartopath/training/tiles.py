"""Which tiles of which slide, and what they are labelled: the input of training and prediction. Imports no torch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import TrainingError
from cartopath.core.locations import as_path


@dataclass(frozen=True, eq=False, kw_only=True)
class SlideTiles:
    """The tiles of one slide that take part.

    Attributes:
        slide_id: Unique among the slides of a training.
        patient_id: Whose slide it is.
        path: The slide file.
        stated_mpp: Micrometres per level-0 pixel from a table, which wins over the file's own; None leaves it to the file.
        assume_mpp: What to take where the file says nothing.
        xy_px0: (n, 2) integers: x and y of the upper left corners in level-0 pixels.
        window_px0: Side of a tile in level-0 pixels.
        size_px: Side of a tile as the network sees it, in pixels.
        scaling: How pixels are made smaller, as for `cartopath.slides.open_slide`: `fast` or `lanczos`.
        cache_path: Where `cartopath.training.cache` keeps the decoded tiles, if it may; read where the file exists.
    """

    slide_id: str
    patient_id: str
    path: Path
    xy_px0: NDArray[np.int64]
    window_px0: int
    size_px: int
    stated_mpp: float | None = None
    assume_mpp: float | None = None
    scaling: Literal["fast", "lanczos"] = "fast"
    cache_path: Path | None = None

    def __post_init__(self) -> None:
        xy = np.ascontiguousarray(self.xy_px0, dtype=np.int64)
        if xy.ndim != 2 or xy.shape[1] != 2:
            raise TrainingError(f"slide {self.slide_id}: 'xy_px0' must have shape (n_tiles, 2). Got {xy.shape} instead.")
        object.__setattr__(self, "xy_px0", xy)
        object.__setattr__(self, "path", as_path(self.path))
        if self.cache_path is not None:
            object.__setattr__(self, "cache_path", Path(self.cache_path))

    @property
    def n_tiles(self) -> int:
        """How many tiles there are."""
        return len(self.xy_px0)

    @property
    def n_bytes(self) -> int:
        """What the decoded tiles take."""
        return self.n_tiles * self.size_px * self.size_px * 3

    def identity(self) -> dict[str, Any]:
        """Return what tells these tiles from others, as JSON types: the slide's name, not where its file lies."""
        return {
            "slide_id": self.slide_id,
            "xy_sha256": hashlib.sha256(self.xy_px0.astype("<i8").tobytes()).hexdigest(),
            "n_tiles": self.n_tiles,
            "window_px0": self.window_px0,
            "size_px": self.size_px,
            "stated_mpp": self.stated_mpp,
            "assume_mpp": self.assume_mpp,
            "scaling": self.scaling,
        }


@dataclass(frozen=True, eq=False)
class Example:
    """A slide with its label, which every one of its tiles inherits (Levy-Jurgenson et al. 2020)."""

    slide: SlideTiles
    label: int

    def __post_init__(self) -> None:
        if self.label not in (0, 1):
            raise TrainingError(f"slide {self.slide.slide_id}: 'label' must be 0 or 1. Got {self.label!r} instead.")
