"""Which frames which tiles need, where each goes, and what is worth keeping in memory meanwhile."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from cartopath.slides.backends.protocol import Cell, FrameLayout
from cartopath.slides.rendition import Rendition

Patch: TypeAlias = tuple[int, int, int, int, int, int, int, int]
"""What a frame and a tile have in common: first row, row after the last, first column, column after the last, in pixels of the
tile; then the same in pixels of the frame."""

_AT_ONCE = 256
"""Tiles whose patches are worked out together."""


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

    def cells(self, numbers: list[int]) -> list[Cell]:
        """Return column and row of frames by their numbers, counted row by row."""
        n_cols = self.layout.n_cols
        return [(number % n_cols, number // n_cols) for number in numbers]


class Needs:
    """The frames that each tile needs, and the tiles that need each frame.

    Args:
        grid: The frames.
        boxes: int64 (n, 4): left, top, width and height of the tiles in pixels of the rendition.

    Attributes:
        reach: How far apart the first and the last tile that share a frame are: a row of tiles, where they come row by row.
        last_user: The last tile that needs each frame.
        n_rows: How many of the upper rows of each frame are needed.
        is_block: bool (n,): whether a tile is a rectangle of whole frames that no other tile needs.
    """

    def __init__(self, grid: FrameGrid, boxes: NDArray[np.int64]) -> None:
        self._grid, self._boxes = grid, boxes
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
        self._numbers, self._first_user, self._end_user = numbers, first_user, end_user
        self.last_user = dict(zip(numbers.tolist(), self._users[end_user - 1].tolist(), strict=True))
        frame_height = grid.frame_size[1]
        end_row = np.minimum((boxes[:, 1] + boxes[:, 3])[tiles] - rows * frame_height, frame_height)
        most_rows = np.maximum.reduceat(end_row[by_frame], first_user) if len(numbers) else end_row
        self.n_rows = dict(zip(numbers.tolist(), most_rows.tolist(), strict=True))
        self.reach = int((self._users[end_user - 1] - self._users[first_user]).max()) if len(numbers) else 0
        self.is_block = self._are_whole()
        n_users = np.empty(len(tiles), np.int64)
        n_users[by_frame] = np.repeat(end_user - first_user, end_user - first_user)
        self.is_block[tiles[n_users > 1]] = False
        self._known: dict[int, tuple[list[int], list[int], list[Patch]]] = {}

    def _are_whole(self) -> NDArray[np.bool_]:
        """Return for each tile whether its borders are those of frames, on the level: bool (n,)."""
        sides, start, length = np.array(self._grid.frame_size), self._boxes[:, :2], self._boxes[:, 2:]
        is_inside = (start >= 0) & (start + length <= self._grid.size)
        return np.asarray((is_inside & (start % sides == 0) & (length % sides == 0)).all(axis=1))

    @property
    def n_frames(self) -> int:
        """How many frames are needed at all."""
        return len(self._numbers)

    def frames_of(self, tile: int) -> list[int]:
        """Return the numbers of the frames that a tile needs, row by row."""
        frames: list[int] = self._frames[self._start[tile] : self._start[tile + 1]].tolist()
        return frames

    def patches(self, tile: int) -> Iterator[tuple[int, Patch]]:
        """Return the number of each frame of a tile, row by row, and what of it the tile shows.

        Quick for tiles one after the other, and for one caller at a time.
        """
        block, rank = divmod(tile, _AT_ONCE)
        if block not in self._known:
            self._known = {other: found for other, found in self._known.items() if abs(other - block) == 1}
            self._known[block] = self._block(block)
        starts, frames, patches = self._known[block]
        first, stop = starts[rank], starts[rank + 1]
        return zip(frames[first:stop], patches[first:stop], strict=True)

    def _block(self, block: int) -> tuple[list[int], list[int], list[Patch]]:
        """Return, for some tiles together, where the frames of each start, these frames, and the patches."""
        tiles = slice(block * _AT_ONCE, (block + 1) * _AT_ONCE)
        starts = self._start[tiles.start : tiles.stop + 1]
        frames = self._frames[starts[0] : starts[-1]]
        boxes = np.repeat(self._boxes[tiles], np.diff(starts), axis=0)
        rows, cols = np.divmod(frames, self._grid.layout.n_cols)
        (frame_width, frame_height), (width, height) = self._grid.frame_size, self._grid.size
        top, left = rows * frame_height, cols * frame_width
        first_row, end_row = (
            np.maximum(boxes[:, 1], top),
            np.minimum(boxes[:, 1] + boxes[:, 3], np.minimum(top + frame_height, height)),
        )
        first_col, end_col = (
            np.maximum(boxes[:, 0], left),
            np.minimum(boxes[:, 0] + boxes[:, 2], np.minimum(left + frame_width, width)),
        )
        in_tile = (first_row - boxes[:, 1], end_row - boxes[:, 1], first_col - boxes[:, 0], end_col - boxes[:, 0])
        in_frame = (first_row - top, end_row - top, first_col - left, end_col - left)
        columns = [column.tolist() for column in (*in_tile, *in_frame)]
        return (starts - starts[0]).tolist(), frames.tolist(), list(zip(*columns, strict=True))

    def next_use(self, frame: int, tile: int) -> int | None:
        """Return the first tile from `tile` on that needs a frame; None if there is none."""
        if self.last_user[frame] < tile:
            return None
        place = np.searchsorted(self._numbers, frame)
        first, end = int(self._first_user[place]), int(self._end_user[place])
        return int(self._users[bisect_left(self._users, tile, first, end)])


def _touched(
    start: NDArray[np.int64], length: NDArray[np.int64], side: int, extent: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first frame, and how many, that stretches touch; none past the border."""
    first, last = np.clip(start, 0, extent), np.clip(start + length, 0, extent)
    first_frame = first // side
    return first_frame, np.where(last > first, -(-last // side) - first_frame, 0)
