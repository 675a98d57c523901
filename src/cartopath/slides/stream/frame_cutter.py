"""Cutting tiles out of the compressed frames of a slide, each decoded once."""

from __future__ import annotations

import heapq
import threading
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import TileError
from cartopath.slides.backends.protocol import FrameError, FrameSource
from cartopath.slides.rendition import Placement, Rendition, is_exact, place, place_many, resample
from cartopath.slides.slide import Slide
from cartopath.slides.stream.cutter import Job, Pixels, TileWindow
from cartopath.slides.stream.needs import FrameGrid, Needs

KEPT_BYTES = 192 << 20
"""Of decoded frames that only later tiles need: a row of frames of 512 px across 128,000 px."""


@dataclass(slots=True)
class _Frame:
    """A frame that is needed now, or kept for later.

    Attributes:
        pixels: Once decoded; None where the slide has none; the error where it cannot be decoded.
        is_ready: It has been decoded.
        n_users: Admitted tiles that have not been cut.
        waiting: Those of them that wait for it.
        next_use: The next tile that needs it, once no admitted one does.
    """

    pixels: Pixels | FrameError | None = None
    is_ready: bool = False
    n_users: int = 0
    waiting: list[int] = field(default_factory=list)
    next_use: int | None = None

    @property
    def n_bytes(self) -> int:
        return self.pixels.nbytes if isinstance(self.pixels, np.ndarray) else 0


class FrameCutter:
    """Decodes each frame once, and keeps those that later tiles need, the ones needed soonest first where space is short."""

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
        self._needs = Needs(self._grid, place_many(corners, window.window_px0, rendition.downsample, slide.scaling))
        self._lock = threading.Lock()
        self._held: dict[int, _Frame] = {}
        self._missing: dict[int, int] = {}
        self._admitted = 0
        self._kept: list[tuple[int, int]] = []  # a heap of (-next use, frame); entries that no longer hold are skipped
        self._n_kept_bytes, self._max_kept_bytes = 0, kept_bytes
        self._scratch = threading.local()

    @property
    def n_held(self) -> int:
        """Frames in memory."""
        return len(self._held)

    def admit(self, first: int, stop: int) -> list[Job]:
        """Read the bytes of the frames that these tiles need and that are not there yet."""
        wanted: list[int] = []
        complete: list[int] = []
        with self._lock:
            for tile in range(first, stop):
                missing = 0
                for number in self._needs.frames_of(tile):
                    frame = self._held.get(number)
                    if frame is None:
                        frame = self._held[number] = _Frame()
                        wanted.append(number)
                    elif frame.n_users == 0:
                        self._n_kept_bytes -= frame.n_bytes
                        frame.next_use = None
                    frame.n_users += 1
                    if not frame.is_ready:
                        frame.waiting.append(tile)
                        missing += 1
                self._missing[tile] = missing
                if missing == 0:
                    complete.append(tile)
            self._admitted = stop
        data = self._source.fetch(self._level, [self._grid.cell(number) for number in wanted])
        return [Job(tile, is_tile=True) for tile in complete] + [Job(*pair) for pair in zip(wanted, data, strict=True)]

    def run(self, job: Job) -> list[int]:
        """Decode a frame and return the tiles that waited for it alone."""
        if job.is_tile:
            return [job.number]
        pixels = self._decoded(job)
        with self._lock:
            frame = self._held[job.number]
            frame.pixels, frame.is_ready = pixels, True
            waiting, frame.waiting = frame.waiting, []
            for tile in waiting:
                self._missing[tile] -= 1
            return [tile for tile in waiting if self._missing[tile] == 0]

    def _decoded(self, job: Job) -> Pixels | FrameError | None:
        if job.data is None or isinstance(job.data, FrameError):
            return job.data
        try:
            return self._source.decode(self._level, self._grid.cell(job.number), job.data, shrink=self._rendition.shrink)
        except FrameError as error:
            return error

    def cut(self, tile: int, out: Pixels) -> None:
        """Put a tile together from its frames, and resample it where it is wanted at another size.

        Raises:
            TileError: One of its frames cannot be decoded.
        """
        placed = self._place(tile)
        region = out if is_exact(placed, self._window.size) else self._room(placed.height, placed.width)
        self._assemble(tile, placed, region)
        if region is not out:
            resample(region, placed.box, self._window.size, self._scaling, out=out)

    def _place(self, tile: int) -> Placement:
        x, y = self._corners[tile].tolist()
        side = self._window.window_px0
        return place(x, y, (side, side), self._rendition.downsample, self._scaling)

    def _room(self, height: int, width: int) -> Pixels:
        """Return this thread's own scratch memory for a region."""
        room: Pixels | None = getattr(self._scratch, "room", None)
        if room is None or room.shape[0] < height or room.shape[1] < width:
            room = self._scratch.room = np.empty((height + 1, width + 1, 3), np.uint8)
        return room[:height, :width]

    def _assemble(self, tile: int, placed: Placement, region: Pixels) -> None:
        """Put together the region of a tile from its frames; white where there are none."""
        width, height = self._grid.frame_size
        n_filled = 0
        for number in self._needs.frames_of(tile):
            pixels = self._held[number].pixels
            if isinstance(pixels, FrameError):
                raise self._error(tile, placed, pixels) from pixels
            if pixels is not None:
                col, row = self._grid.cell(number)
                n_filled += _paste(pixels, region, col * width - placed.left, row * height - placed.top)
        if n_filled < placed.width * placed.height:
            self._whiten(tile, placed, region)

    def _whiten(self, tile: int, placed: Placement, region: Pixels) -> None:
        """Fill what no frame covers, by putting the region together once more on white."""
        width, height = self._grid.frame_size
        region[...] = 255
        for number in self._needs.frames_of(tile):
            pixels = self._held[number].pixels
            if isinstance(pixels, np.ndarray):
                col, row = self._grid.cell(number)
                _paste(pixels, region, col * width - placed.left, row * height - placed.top)

    def _error(self, tile: int, placed: Placement, error: FrameError) -> TileError:
        x, y = self._corners[tile].tolist()
        what = f"{placed.width} x {placed.height} px of level {self._level} at level-0 ({x}, {y})"
        return TileError(f"{self._path}: cannot decode {what}: {error}")

    def finish(self, tile: int) -> None:
        """Let go of the frames that no later tile needs, and of others where space is short."""
        with self._lock:
            del self._missing[tile]
            for number in self._needs.frames_of(tile):
                frame = self._held[number]
                frame.n_users -= 1
                if frame.n_users == 0:
                    self._keep_or_drop(number, frame)
            self._evict()

    def _keep_or_drop(self, number: int, frame: _Frame) -> None:
        frame.next_use = self._needs.next_use(number, self._admitted)
        if frame.next_use is None:
            del self._held[number]
            return
        self._n_kept_bytes += frame.n_bytes
        heapq.heappush(self._kept, (-frame.next_use, number))

    def _evict(self) -> None:
        while self._n_kept_bytes > self._max_kept_bytes and self._kept:
            negative_use, number = heapq.heappop(self._kept)
            frame = self._held.get(number)
            if frame is not None and frame.n_users == 0 and frame.next_use == -negative_use:
                self._n_kept_bytes -= frame.n_bytes
                del self._held[number]


def _paste(frame: Pixels, region: Pixels, left: int, top: int) -> int:
    """Copy the part of a frame that lies in the region, its corner at (left, top) of it; return how many pixels that is."""
    height, width = frame.shape[:2]
    first_row, last_row = max(0, top), min(region.shape[0], top + height)
    first_col, last_col = max(0, left), min(region.shape[1], left + width)
    if first_row >= last_row or first_col >= last_col:
        return 0
    region[first_row:last_row, first_col:last_col] = frame[first_row - top : last_row - top, first_col - left : last_col - left]
    n_pixels: int = (last_row - first_row) * (last_col - first_col)
    return n_pixels
