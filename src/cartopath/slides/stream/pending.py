"""Tiles that are being made, frames on their way to them, and which decoded frames are worth their memory."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

import numpy as np

from cartopath.slides.backends.protocol import FrameError
from cartopath.slides.stream.cutter import Pixels
from cartopath.slides.stream.needs import Patch

_WHITE = np.uint8(255)


@dataclass(slots=True, eq=False)
class PendingTile:
    """A tile that was admitted and is not finished.

    Attributes:
        number: Which tile.
        region: Its pixels as the frames give them; its slot where nothing is to be resampled.
        n_missing: Frames, or groups of them, that have not been pasted.
        kept: Frames that were decoded before it was admitted, and what it shows of each.
        error: Why it cannot be decoded.
    """

    number: int
    region: Pixels
    n_missing: int = 0
    kept: list[tuple[int, Patch]] = field(default_factory=list)
    error: FrameError | None = None

    def paste(self, frame: Pixels | FrameError | None, patch: Patch) -> None:
        """Take what the tile shows of a frame; white where the slide has none."""
        first_row, end_row, first_col, end_col, top, bottom, left, right = patch
        if frame is None:
            self.region[first_row:end_row, first_col:end_col] = _WHITE
        elif isinstance(frame, FrameError):
            self.error = self.error or frame
        elif frame is not self.region:
            self.region[first_row:end_row, first_col:end_col] = frame[top:bottom, left:right]


@dataclass(slots=True, eq=False)
class PendingFrame:
    """A frame that is being decoded, or kept for later.

    Attributes:
        pixels: Once decoded; None where the slide has none; the error where it cannot be decoded.
        is_ready: It has been decoded.
        waiting: Admitted tiles that wait for it, and what they show of it.
        n_users: Admitted tiles that are to paste it, once it is kept.
        next_use: The next tile that needs it, while no admitted one does.
    """

    pixels: Pixels | FrameError | None = None
    is_ready: bool = False
    waiting: list[tuple[PendingTile, Patch]] = field(default_factory=list)
    n_users: int = 0
    next_use: int | None = None

    @property
    def n_bytes(self) -> int:
        """Memory of its pixels."""
        return self.pixels.nbytes if isinstance(self.pixels, np.ndarray) else 0


class PendingFrames(dict[int, PendingFrame]):
    """The frames of a stream that are in memory or on their way there, by number.

    Those that no admitted tile needs are kept for tiles to come; where space is short, the ones needed soonest are.

    Args:
        max_kept_bytes: Of frames that only later tiles need.
    """

    def __init__(self, max_kept_bytes: int) -> None:
        super().__init__()
        self._kept: list[tuple[int, int]] = []  # a heap of (-next use, frame); entries that no longer hold are skipped
        self._n_kept_bytes, self._max_kept_bytes = 0, max_kept_bytes

    def use(self, frame: PendingFrame) -> None:
        """Note that an admitted tile will paste a frame that was decoded before."""
        if frame.n_users == 0:
            self._n_kept_bytes -= frame.n_bytes
            frame.next_use = None
        frame.n_users += 1

    def keep(self, number: int, frame: PendingFrame, next_use: int | None) -> None:
        """Keep a frame that no admitted tile needs any more for the next that will; forget it if there is none."""
        frame.next_use = next_use
        if next_use is None:
            del self[number]
            return
        self._n_kept_bytes += frame.n_bytes
        heapq.heappush(self._kept, (-next_use, number))

    def evict(self) -> None:
        """Forget frames until the rest fit."""
        while self._n_kept_bytes > self._max_kept_bytes and self._kept:
            negative_use, number = heapq.heappop(self._kept)
            frame = self.get(number)
            if frame is not None and frame.is_ready and frame.n_users == 0 and frame.next_use == -negative_use:
                self._n_kept_bytes -= frame.n_bytes
                del self[number]
