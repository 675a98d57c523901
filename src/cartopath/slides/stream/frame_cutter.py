"""Cutting tiles out of the compressed frames of a slide, each decoded once.

A frame is pasted into every admitted tile that it touches right after it was decoded, while it is in the processor's cache: what
tiles cost beyond decoding is the traffic of memory. Only frames that tiles to come need are kept.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import TileError
from cartopath.slides.array_pool import POOL
from cartopath.slides.backends.protocol import FrameError, FrameSource
from cartopath.slides.rendition import Placement, Rendition, is_exact, place, place_many, resample
from cartopath.slides.slide import Slide
from cartopath.slides.stream.cutter import Job, Pixels, TileWindow
from cartopath.slides.stream.needs import FrameGrid, Needs

_WHITE = np.uint8(255)
KEPT_BYTES = 192 << 20
"""Of decoded frames that only later tiles need: a row of frames of 512 px across 128,000 px."""


@dataclass(slots=True, eq=False)
class _Tile:
    """A tile that was admitted and is not finished.

    Attributes:
        placed: Where it lies.
        region: Its pixels as the frames give them; the result itself where nothing is to be resampled.
        is_result: Nothing is.
        n_missing: Frames, or groups of them, that have not been pasted.
        kept: Frames that were decoded before it was admitted.
        error: Why it cannot be decoded.
    """

    placed: Placement
    region: Pixels
    is_result: bool
    n_missing: int = 0
    kept: list[int] = field(default_factory=list)
    error: FrameError | None = None


@dataclass(slots=True, eq=False)
class _Frame:
    """A frame that is being decoded, or kept for later.

    Attributes:
        pixels: Once decoded; None where the slide has none; the error where it cannot be decoded.
        is_ready: It has been decoded.
        waiting: Admitted tiles that wait for it.
        n_users: Admitted tiles that are to paste it, once it is kept.
        next_use: The next tile that needs it, while no admitted one does.
    """

    pixels: Pixels | FrameError | None = None
    is_ready: bool = False
    waiting: list[int] = field(default_factory=list)
    n_users: int = 0
    next_use: int | None = None

    @property
    def n_bytes(self) -> int:
        return self.pixels.nbytes if isinstance(self.pixels, np.ndarray) else 0


class FrameCutter:
    """Decodes each frame once, and keeps those that tiles to come need, the ones needed soonest first where space is short."""

    def __init__(
        self,
        slide: Slide,
        frames: FrameSource,
        rendition: Rendition,
        corners: NDArray[np.int64],
        window: TileWindow,
        kept_bytes: int = KEPT_BYTES,
    ) -> None:
        self._path, self._scaling = slide.path, slide.scaling
        self._source, self._level, self._rendition = frames, rendition.level, rendition
        self._grid = FrameGrid(frames.layout(rendition.level), rendition)
        self._corners, self._window = corners, window
        boxes = place_many(corners, window.window_px0, rendition.downsample, slide.scaling)
        self._needs = Needs(self._grid, boxes)
        past_border = np.concatenate([boxes[:, :2] < 0, boxes[:, :2] + boxes[:, 2:] > self._grid.size], axis=1)
        self._sticks_out: NDArray[np.bool_] = np.asarray(past_border.any(axis=1))
        region_bytes = int((boxes[:, 2] * boxes[:, 3]).max(initial=0)) * 3
        self.tile_bytes = window.size_px**2 * 3 + (0 if region_bytes == window.size_px**2 * 3 else region_bytes)
        self.reach = self._needs.reach
        self._lock = threading.Lock()
        self._tiles: dict[int, _Tile] = {}
        self._frames: dict[int, _Frame] = {}
        self._admitted = 0
        self._kept: list[tuple[int, int]] = []  # a heap of (-next use, frame); entries that no longer hold are skipped
        self._n_kept_bytes, self._max_kept_bytes = 0, kept_bytes

    @property
    def n_held(self) -> int:
        """Frames in memory, or on their way there."""
        return len(self._frames)

    def admit(self, first: int, slots: Sequence[Pixels] | Pixels) -> list[Job]:
        """Read the bytes of the frames that these tiles need and that are not there yet."""
        made = [self._tile(number, slot) for number, slot in enumerate(slots, start=first)]
        wanted: list[int] = []
        by_themselves: list[int] = []
        with self._lock:
            for number, tile in enumerate(made, start=first):
                self._enter(number, tile, wanted)
                if tile.kept or tile.n_missing == 0:
                    tile.n_missing += 1
                    by_themselves.append(number)
            self._admitted = first + len(slots)
        data = self._source.fetch(self._level, [self._grid.cell(number) for number in wanted])
        return [Job(number, is_tile=True) for number in by_themselves] + [Job(*pair) for pair in zip(wanted, data, strict=True)]

    def _tile(self, number: int, slot: Pixels) -> _Tile:
        x, y = self._corners[number].tolist()
        side = self._window.window_px0
        placed = place(x, y, (side, side), self._rendition.downsample, self._scaling)
        is_result = is_exact(placed, self._window.size)
        region = slot if is_result else POOL.take((placed.height, placed.width, 3))
        if self._sticks_out[number]:
            region[...] = _WHITE
        return _Tile(placed, region, is_result)

    def _enter(self, number: int, tile: _Tile, wanted: list[int]) -> None:
        """Note which frames a tile waits for, and which are kept for it; add those to `wanted` that nobody has asked for."""
        self._tiles[number] = tile
        for frame_number in self._needs.frames_of(number):
            frame = self._frames.get(frame_number)
            if frame is None:
                frame = self._frames[frame_number] = _Frame()
                wanted.append(frame_number)
            if not frame.is_ready:
                frame.waiting.append(number)
                tile.n_missing += 1
                continue
            if frame.n_users == 0:
                self._n_kept_bytes -= frame.n_bytes
                frame.next_use = None
            frame.n_users += 1
            tile.kept.append(frame_number)

    def run(self, job: Job) -> list[int]:
        """Decode a frame, or take those that were kept for a tile, paste, and return the tiles that are complete now."""
        if job.is_tile:
            return self._paste_kept(job.number)
        pixels = self._decoded(job)
        with self._lock:
            frame = self._frames[job.number]
            waiting = frame.waiting
            frame.pixels, frame.is_ready, frame.waiting = pixels, True, []
            self._keep_or_drop(job.number, frame)
            self._evict()
        for number in waiting:
            self._put(job.number, pixels, self._tiles[number])
        return self._complete(waiting)

    def _decoded(self, job: Job) -> Pixels | FrameError | None:
        if job.data is None or isinstance(job.data, FrameError):
            return job.data
        try:
            return self._source.decode(self._level, self._grid.cell(job.number), job.data, shrink=self._rendition.shrink)
        except FrameError as error:
            return error

    def _paste_kept(self, number: int) -> list[int]:
        tile = self._tiles[number]
        for frame_number in tile.kept:
            self._put(frame_number, self._frames[frame_number].pixels, tile)
        with self._lock:
            for frame_number in tile.kept:
                frame = self._frames[frame_number]
                frame.n_users -= 1
                if frame.n_users == 0:
                    self._keep_or_drop(frame_number, frame)
            self._evict()
        return self._complete([number])

    def _complete(self, numbers: list[int]) -> list[int]:
        """Count something as pasted into these tiles; return those that nothing is missing of any more."""
        with self._lock:
            for number in numbers:
                self._tiles[number].n_missing -= 1
            return [number for number in numbers if self._tiles[number].n_missing == 0]

    def _put(self, number: int, pixels: Pixels | FrameError | None, tile: _Tile) -> None:
        """Paste a frame into the region of a tile; white where the slide has none."""
        if isinstance(pixels, FrameError):
            tile.error = tile.error or pixels
            return
        (width, height), (col, row) = self._grid.frame_size, self._grid.cell(number)
        frame = np.broadcast_to(_WHITE, (height, width, 3)) if pixels is None else pixels
        _paste(frame, tile.region, col * width - tile.placed.left, row * height - tile.placed.top)

    def cut(self, number: int, out: Pixels) -> None:
        """Resample a complete tile where it is wanted at another size.

        Raises:
            TileError: One of its frames cannot be decoded.
        """
        tile = self._tiles[number]
        if tile.error is not None:
            x, y = self._corners[number].tolist()
            what = f"{tile.placed.width} x {tile.placed.height} px of level {self._level} at level-0 ({x}, {y})"
            raise TileError(f"{self._path}: cannot decode {what}: {tile.error}") from tile.error
        if not tile.is_result:
            resample(tile.region, tile.placed.box, self._window.size, self._scaling, out=out)

    def finish(self, number: int) -> None:
        """Forget a tile."""
        with self._lock:
            del self._tiles[number]

    def _keep_or_drop(self, number: int, frame: _Frame) -> None:
        frame.next_use = self._needs.next_use(number, self._admitted)
        if frame.next_use is None:
            del self._frames[number]
            return
        self._n_kept_bytes += frame.n_bytes
        heapq.heappush(self._kept, (-frame.next_use, number))

    def _evict(self) -> None:
        while self._n_kept_bytes > self._max_kept_bytes and self._kept:
            negative_use, number = heapq.heappop(self._kept)
            frame = self._frames.get(number)
            if frame is not None and frame.is_ready and frame.n_users == 0 and frame.next_use == -negative_use:
                self._n_kept_bytes -= frame.n_bytes
                del self._frames[number]


def _paste(frame: Pixels, region: Pixels, left: int, top: int) -> None:
    """Copy the part of a frame that lies in the region, its corner at (left, top) of it."""
    height, width = frame.shape[:2]
    first_row, last_row = max(0, top), min(region.shape[0], top + height)
    first_col, last_col = max(0, left), min(region.shape[1], left + width)
    if first_row < last_row and first_col < last_col:
        part = frame[first_row - top : last_row - top, first_col - left : last_col - left]
        region[first_row:last_row, first_col:last_col] = part
