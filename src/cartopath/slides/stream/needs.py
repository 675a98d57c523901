"""Which frames which tiles need, and what is worth keeping in memory meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartopath.slides.backends.protocol import Cell, FrameLayout
from cartopath.slides.rendition import Rendition


@dataclass(frozen=True, slots=True)
class FrameGrid:
    """The frames of a rendition.

    Attributes:
        layout: Of the level.
        rendition: The level, and how much smaller it is decoded.
    """

    layout: FrameLayout
    rendition: Rendition

    @property
    def frame_size(self) -> tuple[int, int]:
        """Width and height of a frame in pixels of the rendition."""
        shrink = self.rendition.shrink
        return self.layout.frame_width // shrink, self.layout.frame_height // shrink

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the rendition."""
        shrink = self.rendition.shrink
        return -(-self.layout.width // shrink), -(-self.layout.height // shrink)

    def cell(self, number: int) -> Cell:
        """Return column and row of a frame by its number, counted row by row."""
        row, col = divmod(number, self.layout.n_cols)
        return col, row


class Needs:
    """The frames that each tile needs, and the tiles that need each frame.

    Args:
        grid: The frames.
        boxes: int64 (n, 4): left, top, width and height of the tiles in pixels of the rendition.

    Attributes:
        reach: How far apart the first and the last tile that share a frame are: a row of tiles, where they come row by row.
    """

    def __init__(self, grid: FrameGrid, boxes: NDArray[np.int64]) -> None:
        first_col, n_cols = _touched(boxes[:, 0], boxes[:, 2], grid.frame_size[0], grid.size[0])
        first_row, n_rows = _touched(boxes[:, 1], boxes[:, 3], grid.frame_size[1], grid.size[1])
        n_frames = n_cols * n_rows
        self._start = np.concatenate([[0], np.cumsum(n_frames)])
        tiles = np.repeat(np.arange(len(boxes)), n_frames)
        rank = np.arange(len(tiles)) - self._start[tiles]
        across = np.maximum(n_cols, 1)[tiles]
        rows, cols = first_row[tiles] + rank // across, first_col[tiles] + rank % across
        self._frames = (rows * grid.layout.n_cols + cols).astype(np.int64)
        # The same pairs by frame: whoever needs a frame, in order.
        by_frame = np.argsort(self._frames, kind="stable")
        self._users = tiles[by_frame]
        numbers, first_user = np.unique(self._frames[by_frame], return_index=True)
        end_user = np.append(first_user[1:], len(self._users))[: len(numbers)]
        self._users_of = dict(zip(numbers.tolist(), zip(first_user.tolist(), end_user.tolist(), strict=True), strict=True))
        self.reach = int((self._users[end_user - 1] - self._users[first_user]).max()) if len(numbers) else 0

    @property
    def n_frames(self) -> int:
        """How many frames are needed at all."""
        return len(self._users_of)

    def frames_of(self, tile: int) -> list[int]:
        """Return the numbers of the frames of a tile, row by row."""
        found: list[int] = self._frames[self._start[tile] : self._start[tile + 1]].tolist()
        return found

    def frames_of_many(self, first: int, stop: int) -> list[int]:
        """Return the numbers of the frames of tiles `first` to `stop`, each once, in the order in which they are needed."""
        return list(dict.fromkeys(self._frames[self._start[first] : self._start[stop]].tolist()))

    def next_use(self, frame: int, tile: int) -> int | None:
        """Return the first tile from `tile` on that needs a frame; None if there is none."""
        first, end = self._users_of[frame]
        if self._users[end - 1] < tile:
            return None
        return int(self._users[first + np.searchsorted(self._users[first:end], tile)])


def _touched(
    start: NDArray[np.int64], length: NDArray[np.int64], side: int, extent: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first frame, and how many, that stretches touch; none past the border."""
    first, last = np.clip(start, 0, extent), np.clip(start + length, 0, extent)
    first_frame = first // side
    return first_frame, np.where(last > first, -(-last // side) - first_frame, 0)
