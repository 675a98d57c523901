"""Cutting tiles out of the compressed frames of a slide, each decoded once.

A frame is pasted into every admitted tile that it touches right after it was decoded, while it is in the processor's cache: what
tiles cost beyond decoding is the traffic of memory. So each thread decodes into the same memory again and again, and only frames
that tiles to come need are kept. A frame that is all of a tile is decoded in the tile's own place.
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
from cartopath.slides.rendition import Rendition, are_exact, place, place_many, resample
from cartopath.slides.slide import Slide
from cartopath.slides.stream.cutter import Job, Pixels, TileWindow
from cartopath.slides.stream.needs import FrameGrid, Needs, Patch

_WHITE = np.uint8(255)
KEPT_BYTES = 192 << 20
"""Of decoded frames that only later tiles need: a row of frames of 512 px across 128,000 px."""


@dataclass(slots=True, eq=False)
class _Tile:
    """A tile that was admitted and is not finished.

    Attributes:
        region: Its pixels as the frames give them; its slot where nothing is to be resampled.
        n_missing: Frames, or groups of them, that have not been pasted.
        kept: Frames that were decoded before it was admitted, and what it shows of each.
        error: Why it cannot be decoded.
    """

    region: Pixels
    n_missing: int = 0
    kept: list[tuple[int, Patch]] = field(default_factory=list)
    error: FrameError | None = None

    def paste(self, frame: Pixels | FrameError | None, patch: Patch) -> None:
        """Take what the tile shows of a frame; white where the slide has none."""
        first_row, end_row, first_col, end_col, top, left = patch
        if frame is None:
            self.region[first_row:end_row, first_col:end_col] = _WHITE
        elif isinstance(frame, FrameError):
            self.error = self.error or frame
        elif frame is not self.region:
            part = frame[top : top + end_row - first_row, left : left + end_col - first_col]
            self.region[first_row:end_row, first_col:end_col] = part


@dataclass(slots=True, eq=False)
class _Frame:
    """A frame that is being decoded, or kept for later.

    Attributes:
        pixels: Once decoded; None where the slide has none; the error where it cannot be decoded.
        is_ready: It has been decoded.
        waiting: Admitted tiles that wait for it, by number, and what they show of it.
        n_users: Admitted tiles that are to paste it, once it is kept.
        next_use: The next tile that needs it, while no admitted one does.
    """

    pixels: Pixels | FrameError | None = None
    is_ready: bool = False
    waiting: list[tuple[int, Patch]] = field(default_factory=list)
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
        self._boxes = place_many(corners, window.window_px0, rendition.downsample, slide.scaling)
        self._needs = Needs(self._grid, self._boxes)
        past_border = np.concatenate([self._boxes[:, :2] < 0, self._boxes[:, :2] + self._boxes[:, 2:] > self._grid.size], axis=1)
        self._sticks_out: NDArray[np.bool_] = np.asarray(past_border.any(axis=1))
        self._is_result = are_exact(corners, window.window_px0, rendition.downsample, slide.scaling, window.size_px)
        region_bytes = int((self._boxes[:, 2] * self._boxes[:, 3]).max(initial=0)) * 3
        self.tile_bytes = window.size_px**2 * 3 + (0 if self._is_result.all() else region_bytes)
        self.reach, self.is_local = self._needs.reach, frames.is_local
        width, height = self._grid.frame_size
        self._shrink = rendition.shrink
        self._can_be_whole = bool((self._boxes[:, 2:] == (width, height)).all(axis=1).any())
        self._frame_shape, self._whole = (height, width, 3), (0, height, 0, width, 0, 0)
        self._own = threading.local()
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
        """Read the bytes of the frames that these tiles need and that are not there yet; have those of the next read ahead."""
        made = [self._tile(number, slot) for number, slot in enumerate(slots, start=first)]
        patches = [list(self._needs.patches(number)) for number in range(first, first + len(made))]
        wanted: list[int] = []
        by_themselves: list[int] = []
        with self._lock:
            for number, (tile, own) in enumerate(zip(made, patches, strict=True), start=first):
                self._enter(number, tile, own, wanted)
                if tile.kept or tile.n_missing == 0:
                    tile.n_missing += 1
                    by_themselves.append(number)
            self._admitted = first + len(made)
        cells = self._grid.cells(wanted)
        data = self._source.fetch(self._level, cells)
        self._source.read_ahead(self._level, self._grid.cells(self._missing(first + len(made), len(made))))
        jobs = [Job(number, is_tile=True) for number in by_themselves]
        return jobs + [Job(*parts) for parts in zip(wanted, cells, data, strict=True)]

    def _missing(self, first: int, n_tiles: int) -> list[int]:
        """Return the frames that some tiles need and that nobody has asked for yet."""
        tiles = range(first, min(first + n_tiles, len(self._boxes)))
        return list({number: None for tile in tiles for number, _ in self._needs.patches(tile) if number not in self._frames})

    def _tile(self, number: int, slot: Pixels) -> _Tile:
        region = slot
        if not self._is_result[number]:
            _, _, width, height = self._boxes[number].tolist()
            region = POOL.take((height, width, 3))
        if self._sticks_out[number]:
            region[...] = _WHITE
        return _Tile(region)

    def _enter(self, number: int, tile: _Tile, patches: list[tuple[int, Patch]], wanted: list[int]) -> None:
        """Note which frames a tile waits for, and which are kept for it; add those to `wanted` that nobody has asked for."""
        self._tiles[number] = tile
        for frame_number, patch in patches:
            frame = self._frames.get(frame_number)
            if frame is None:
                frame = self._frames[frame_number] = _Frame()
                wanted.append(frame_number)
            if not frame.is_ready:
                frame.waiting.append((number, patch))
                tile.n_missing += 1
                continue
            if frame.n_users == 0:
                self._n_kept_bytes -= frame.n_bytes
                frame.next_use = None
            frame.n_users += 1
            tile.kept.append((frame_number, patch))

    def run(self, job: Job) -> list[int]:
        """Decode a frame, or take those that were kept for a tile, paste, and return the tiles that are complete now."""
        number, cell, data, is_tile = job
        if is_tile:
            return self._paste_kept(number)
        frame = self._frames[number]
        pixels: Pixels | FrameError | None = None
        if isinstance(data, FrameError):
            pixels = data
        elif data is not None:
            try:
                pixels = self._source.decode(self._level, cell, data, shrink=self._shrink, out=self._memory(number, frame))
            except FrameError as error:
                pixels = error
        with self._lock:
            waiting, frame.waiting = frame.waiting, []
            frame.pixels, frame.is_ready = pixels, True
            if self._needs.last_user[number] < self._admitted:
                del self._frames[number]
            elif self._is_kept(number, frame):
                self._own.memory = None  # it belongs to the frame now
                self._evict()
        tiles = [self._tiles[tile] for tile, _ in waiting]
        for tile, (_, patch) in zip(tiles, waiting, strict=True):
            tile.paste(pixels, patch)
        with self._lock:
            return _complete(tiles, [tile for tile, _ in waiting])

    def _memory(self, number: int, frame: _Frame) -> Pixels:
        """Return where to decode a frame: in its tile, if it is all of that and of no other; else where this thread does."""
        if self._can_be_whole and len(frame.waiting) == 1:
            tile, patch = frame.waiting[0]
            region = self._tiles[tile].region
            if patch == self._whole and region.shape == self._frame_shape and self._needs.n_users(number) == 1:
                return region
        memory: Pixels | None = getattr(self._own, "memory", None)
        if memory is None:
            memory = self._own.memory = POOL.take(self._frame_shape)
        return memory

    def _paste_kept(self, number: int) -> list[int]:
        tile = self._tiles[number]
        for frame_number, patch in tile.kept:
            tile.paste(self._frames[frame_number].pixels, patch)
        with self._lock:
            for frame_number, _ in tile.kept:
                frame = self._frames[frame_number]
                frame.n_users -= 1
                if frame.n_users == 0:
                    self._is_kept(frame_number, frame)
            self._evict()
            return _complete([tile], [number])

    def cut(self, number: int, out: Pixels) -> None:
        """Resample a complete tile where it is wanted at another size.

        Raises:
            TileError: One of its frames cannot be decoded.
        """
        tile = self._tiles[number]
        if tile.error is not None:
            (x, y), (height, width) = self._corners[number].tolist(), tile.region.shape[:2]
            what = f"{width} x {height} px of level {self._level} at level-0 ({x}, {y})"
            raise TileError(f"{self._path}: cannot decode {what}: {tile.error}") from tile.error
        if not self._is_result[number]:
            (x, y), side = self._corners[number].tolist(), self._window.window_px0
            placed = place(x, y, (side, side), self._rendition.downsample, self._scaling)
            resample(tile.region, placed.box, self._window.size, self._scaling, out=out)

    def finish(self, number: int) -> None:
        """Forget a tile."""
        del self._tiles[number]

    def _is_kept(self, number: int, frame: _Frame) -> bool:
        """Keep a frame that no admitted tile needs any more for the next that will; forget it if there is none."""
        frame.next_use = self._needs.next_use(number, self._admitted)
        if frame.next_use is None:
            del self._frames[number]
            return False
        self._n_kept_bytes += frame.n_bytes
        heapq.heappush(self._kept, (-frame.next_use, number))
        return True

    def _evict(self) -> None:
        while self._n_kept_bytes > self._max_kept_bytes and self._kept:
            negative_use, number = heapq.heappop(self._kept)
            frame = self._frames.get(number)
            if frame is not None and frame.is_ready and frame.n_users == 0 and frame.next_use == -negative_use:
                self._n_kept_bytes -= frame.n_bytes
                del self._frames[number]


def _complete(tiles: list[_Tile], numbers: list[int]) -> list[int]:
    """Count something as pasted into these tiles; return those that nothing is missing of any more."""
    done = []
    for tile, number in zip(tiles, numbers, strict=True):
        tile.n_missing -= 1
        if tile.n_missing == 0:
            done.append(number)
    return done
