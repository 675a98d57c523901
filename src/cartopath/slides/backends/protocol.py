"""What a decoder of slides must offer to stand behind `Slide`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Cell: TypeAlias = tuple[int, int]
"""Column and row of a frame among the frames of its level."""

FrameBytes: TypeAlias = tuple[bytes | memoryview, ...]
"""A frame as it lies in the file: one run of bytes, or one per plane of colour; perhaps a part of what was read in one go."""


class FrameError(Exception):
    """A frame cannot be read or decoded; says why. `Slide` turns it into a `TileError` that knows the file and the place."""


@dataclass(frozen=True, slots=True)
class FrameLayout:
    """How the pixels of one level lie in the file: in frames side by side, each compressed by itself.

    Attributes:
        width: Of the level, in its own pixels.
        height: Of the level.
        frame_width: Of a frame; a strip is as wide as its level.
        frame_height: Of a frame.
        shrinks: By which factors frames can be decoded smaller than they are, ascending from 1. Each divides both sides of a
            frame, so frames of a level that is decoded `shrink` times smaller still lie side by side.
    """

    width: int
    height: int
    frame_width: int
    frame_height: int
    shrinks: tuple[int, ...] = (1,)

    @property
    def n_cols(self) -> int:
        """Frames side by side."""
        return -(-self.width // self.frame_width)

    @property
    def n_rows(self) -> int:
        """Frames one above the other."""
        return -(-self.height // self.frame_height)


class FrameSource(Protocol):
    """The frames of a slide: bytes out of the file, and pixels out of bytes. Safe to use from several threads at once."""

    def layout(self, level: int) -> FrameLayout:
        """Return how a level is divided."""
        ...

    def fetch(self, level: int, cells: Sequence[Cell]) -> list[FrameBytes | FrameError | None]:
        """Return the bytes of frames, in the order asked for, with as few reads as possible.

        Returns:
            For each frame its bytes; None where the file holds none (the slide is white there); the error where they cannot be
            read.
        """
        ...

    @property
    def is_local(self) -> bool:
        """Whether the file is on this machine; otherwise `fetch` waits for a network."""
        ...

    def read_ahead(self, level: int, cells: Sequence[Cell]) -> None:
        """Have the bytes of frames of a local file brought into memory, without waiting for them."""
        ...

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
        """Return the pixels of a frame.

        Args:
            level: Its level.
            cell: Which frame.
            data: What `fetch` returned for it.
            shrink: One of the level's `shrinks`.
            out: uint8, contiguous, as large as a whole frame: memory that may be used for the result, or be overwritten.
            n_rows: How many of the upper rows are needed, after shrinking; None for all. What lies below them may be anything,
                and damage there need not be found.

        Returns:
            uint8 (h, w, 3) RGB, `shrink` times smaller, cut to the level (whose size is rounded up when it is shrunk).

        Raises:
            FrameError: The bytes are damaged.
        """
        ...


class Backend(Protocol):
    """An open slide file: its levels, its properties and its pixels.

    Reading must be safe from several threads at once. Every failure of the decoder leaves it as a `SlideError` that names the
    file. Label and macro images are not offered: they can carry patient names.

    Attributes:
        reason: Why this decoder reads the slide, in one clause; set when it is opened.
    """

    reason: str

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

    @property
    def frames(self) -> FrameSource | None:
        """The compressed frames of the slide, for those who read many tiles; None where only regions can be read."""
        ...

    def read_region(self, x_px0: int, y_px0: int, level: int, width: int, height: int, *, shrink: int = 1) -> NDArray[np.uint8]:
        """Return `height` x `width` pixels from a level-0 corner, (h, w, 3) RGB; white where there is no slide.

        Args:
            x_px0: Level-0 column of the upper left corner.
            y_px0: Level-0 row.
            level: The level.
            width: Columns, in pixels of the level after it is shrunk.
            height: Rows, likewise.
            shrink: Decode the level so many times smaller; one of the `shrinks` of its frames, 1 where there are none.
        """
        ...

    def close(self) -> None:
        """Let go of the file; closing twice does no harm."""
        ...
