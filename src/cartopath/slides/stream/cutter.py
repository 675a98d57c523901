"""What cuts tiles out of a slide.

A cutter is told which tiles are coming and where they go (`admit`, which reads the file), does one job at a time in whatever
thread (`run`), which says which tiles are complete, finishes a complete tile (`cut`), and forgets it (`finish`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cartopath.slides.backends.protocol import Cell, FrameBytes, FrameError

Pixels: TypeAlias = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class TileWindow:
    """What a tile is: a square of the slide and the size it is wanted at.

    Attributes:
        window_px0: Side on the slide in level-0 pixels.
        size_px: Side of the result in pixels.
    """

    window_px0: int
    size_px: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the result."""
        return self.size_px, self.size_px


JobFrame: TypeAlias = tuple[int, Cell, FrameBytes | FrameError | None]
"""Number of a frame, its column and row, and its bytes: None where the slide has none, the error where they cannot be read."""


class Job(NamedTuple):
    """One thing to do: decode some frames, perhaps all of one tile, or finish a tile for which nothing is to be decoded any more.

    Attributes:
        frames: To decode, one after the other.
        tile: Number of the tile, where only one is concerned.
        last_user: The last tile that needs any of the frames.
    """

    frames: Sequence[JobFrame] = ()
    tile: int | None = None
    last_user: int = -1


class Cutter(Protocol):
    """See the module."""

    @property
    def tile_bytes(self) -> int:
        """Memory that an admitted tile takes."""
        ...

    @property
    def reach(self) -> int:
        """How many tiles ahead it is worth while to admit: as many as share frames."""
        ...

    @property
    def is_local(self) -> bool:
        """Whether `admit` hardly ever waits."""
        ...

    def admit(self, first: int, slots: Sequence[Pixels] | Pixels) -> list[Job]:
        """Return what is to be done for the tiles from `first` on; called in order, by one thread at a time.

        Args:
            first: Number of the first tile.
            slots: For each tile where its pixels will go, (size_px, size_px, 3), contiguous; or an array of all of them.
        """
        ...

    def run(self, job: Job) -> list[int]:
        """Do it and return the tiles that are complete now."""
        ...

    def cut(self, number: int, out: Pixels) -> None:
        """Finish the pixels of a complete tile in `out`, its slot.

        Raises:
            TileError: They cannot be decoded; `out` is left as it was or partly filled.
        """
        ...

    def finish(self, number: int) -> None:
        """Forget a tile that was cut."""
        ...
