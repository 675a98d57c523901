"""Cutting tiles out of the compressed frames of a slide, each decoded once.

A frame is pasted into every admitted tile that it touches right after it was decoded, while it is in the processor's cache: what
tiles cost beyond decoding is the traffic of memory. So each thread decodes into the same memory again and again, and only frames
that tiles to come need are kept. A tile that is made of whole frames, which no other tile needs, is filled by one thread in one
go, and a frame as wide as its tile is decoded in its own place there.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import TileError
from cartopath.slides.array_pool import POOL
from cartopath.slides.backends.protocol import Cell, FrameBytes, FrameError, FrameSource
from cartopath.slides.rendition import Rendition, are_exact, place, place_many, resample
from cartopath.slides.slide import Slide
from cartopath.slides.stream.cutter import Job, JobFrame, Pixels, TileWindow
from cartopath.slides.stream.needs import FrameGrid, Needs, Patch
from cartopath.slides.stream.pending import PendingFrame, PendingFrames, PendingTile

_WHITE = np.uint8(255)
KEPT_BYTES = 192 << 20
"""Of decoded frames that only later tiles need: a row of frames of 512 px across 128,000 px."""
_JOB_PX = 1 << 19
"""Of the frames of one job: decoded in about two milliseconds, beside which handing out a job takes next to no time."""
_MOST_IN_JOB = 16

_Block: TypeAlias = tuple[int, int, int]
"""Number of a tile that is made of whole frames, and where its frames start and end among those that are asked for."""


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
        layout = frames.layout(rendition.level)
        self._grid = FrameGrid(layout, rendition)
        self._corners, self._window = corners, window
        self._boxes = place_many(corners, window.window_px0, rendition.downsample, slide.scaling)
        self._needs = Needs(self._grid, self._boxes)
        past_border = np.concatenate([self._boxes[:, :2] < 0, self._boxes[:, :2] + self._boxes[:, 2:] > self._grid.size], axis=1)
        self._sticks_out = past_border.any(axis=1).tobytes()
        is_result = are_exact(corners, window.window_px0, rendition.downsample, slide.scaling, window.size_px)
        self._is_result = is_result.tobytes()
        region_bytes = int((self._boxes[:, 2] * self._boxes[:, 3]).max(initial=0)) * 3
        self.tile_bytes = window.size_px**2 * 3 + (0 if is_result.all() else region_bytes)
        self.reach, self.is_local = self._needs.reach, frames.is_local
        width, height = self._grid.frame_size
        self._shrink = rendition.shrink
        self._frame_shape = (height, width, 3)
        self._is_block = self._needs.is_block.tobytes()
        self._n_in_job = min(max(1, _JOB_PX // (layout.frame_width * layout.frame_height)), _MOST_IN_JOB)
        self._own = threading.local()
        self._lock = threading.Lock()
        self._tiles: dict[int, PendingTile] = {}
        self._frames = PendingFrames(kept_bytes)
        self._admitted = 0

    @property
    def n_held(self) -> int:
        """Frames in memory, or on their way there."""
        return len(self._frames)

    def admit(self, first: int, slots: Sequence[Pixels] | Pixels) -> list[Job]:
        """Read the bytes of the frames that these tiles need and that are not there yet; have those of the next read ahead."""
        made = [self._tile(number, slot) for number, slot in enumerate(slots, start=first)]
        patches = {tile.number: list(self._needs.patches(tile.number)) for tile in made if not self._is_block[tile.number]}
        wanted: list[int] = []
        blocks: list[_Block] = []
        by_themselves: list[int] = []
        with self._lock:
            for tile in made:
                self._tiles[tile.number] = tile
                if self._is_block[tile.number]:
                    start = len(wanted)
                    wanted += self._needs.frames_of(tile.number)
                    blocks.append((tile.number, start, len(wanted)))
                    continue
                self._enter(tile, patches[tile.number], wanted)
                if tile.kept or tile.n_missing == 0:
                    tile.n_missing += 1
                    by_themselves.append(tile.number)
            self._admitted = first + len(made)
        cells = self._grid.cells(wanted)
        data = self._source.fetch(self._level, cells)
        self._source.read_ahead(self._level, self._grid.cells(self._missing(first + len(made), len(made))))
        frames = list(zip(wanted, cells, data, strict=True))
        return [Job(tile=number) for number in by_themselves] + self._jobs(frames, blocks)

    def _jobs(self, frames: list[JobFrame], blocks: list[_Block]) -> list[Job]:
        """Return one job for the frames of each block, and jobs of some frames each for the others, in order."""
        jobs: list[Job] = []
        place = 0
        for tile, start, end in blocks:
            jobs += self._shared(frames[place:start])
            jobs.append(Job(frames[start:end], tile))
            place = end
        return jobs + self._shared(frames[place:])

    def _shared(self, frames: list[JobFrame]) -> list[Job]:
        last_user, starts = self._needs.last_user, range(0, len(frames), self._n_in_job)
        parts = [frames[start : start + self._n_in_job] for start in starts]
        return [Job(part, last_user=max(last_user[number] for number, _, _ in part)) for part in parts]

    def _missing(self, first: int, n_tiles: int) -> list[int]:
        """Return the frames that some tiles need and that nobody has asked for yet."""
        tiles = range(first, min(first + n_tiles, len(self._boxes)))
        return list({number: None for tile in tiles for number in self._needs.frames_of(tile) if number not in self._frames})

    def _tile(self, number: int, slot: Pixels) -> PendingTile:
        region = slot
        if not self._is_result[number]:
            _, _, width, height = self._boxes[number].tolist()
            region = POOL.take((height, width, 3))
        if self._sticks_out[number]:
            region[...] = _WHITE
        return PendingTile(number, region)

    def _enter(self, tile: PendingTile, patches: list[tuple[int, Patch]], wanted: list[int]) -> None:
        """Note which frames a tile waits for, and which are kept for it; add those to `wanted` that nobody has asked for."""
        for number, patch in patches:
            frame = self._frames.get(number)
            if frame is None:
                frame = self._frames[number] = PendingFrame()
                wanted.append(number)
            if frame.is_ready:
                self._frames.use(frame)
                tile.kept.append((number, patch))
            else:
                frame.waiting.append((tile, patch))
                tile.n_missing += 1

    def run(self, job: Job) -> list[int]:
        """Decode frames, or take those that were kept for a tile, paste, and return the tiles that are complete now."""
        if job.tile is not None:
            tile = self._tiles[job.tile]
            return self._fill_block(tile, job.frames) if job.frames else self._paste_kept(tile)
        pasted: list[PendingTile] = []
        for number, cell, data in job.frames:
            pixels = self._decoded(cell, data, self._memory(self._frame_shape), self._needs.n_rows[number])
            for tile, patch in self._tiles_waiting(number, pixels):
                tile.paste(pixels, patch)
                pasted.append(tile)
        with self._lock:
            return _complete(pasted)

    def _fill_block(self, tile: PendingTile, frames: Sequence[JobFrame]) -> list[int]:
        """Fill a tile with whole frames that no other needs, a row of them at a time: memory is then written in its order."""
        height, width, n_colours = self._frame_shape
        n_cols = tile.region.shape[1] // width
        for row, start in enumerate(range(0, len(frames), n_cols)):
            part = tile.region[row * height : (row + 1) * height]
            beside = part[None] if n_cols == 1 else self._memory((n_cols, height, width, n_colours))
            for memory, (_, cell, data) in zip(beside, frames[start : start + n_cols], strict=True):
                pixels = self._decoded(cell, data, memory)
                if isinstance(pixels, FrameError):
                    tile.error = tile.error or pixels
                elif pixels is not memory:
                    memory[...] = _WHITE if pixels is None else pixels
            if n_cols > 1:
                part.reshape(height, n_cols, width, n_colours)[...] = beside.swapaxes(0, 1)
        return [tile.number]

    def _decoded(
        self, cell: Cell, data: FrameBytes | FrameError | None, memory: Pixels, n_rows: int | None = None
    ) -> Pixels | FrameError | None:
        if data is None or isinstance(data, FrameError):
            return data
        try:
            return self._source.decode(self._level, cell, data, shrink=self._shrink, out=memory, n_rows=n_rows)
        except FrameError as error:
            return error

    def _memory(self, shape: tuple[int, ...]) -> Pixels:
        """Return where this thread decodes, again and again, since it is in the processor's cache."""
        memory: Pixels | None = getattr(self._own, "memory", None)
        if memory is None or memory.shape != shape:
            memory = self._own.memory = POOL.take(shape)
        return memory

    def _tiles_waiting(self, number: int, pixels: Pixels | FrameError | None) -> list[tuple[PendingTile, Patch]]:
        """Return the admitted tiles that wait for a decoded frame; keep it if more will need it, else forget it."""
        frame = self._frames[number]
        with self._lock:
            if self._needs.last_user[number] < self._admitted:
                del self._frames[number]
                return frame.waiting
            waiting, frame.waiting = frame.waiting, []
            frame.pixels, frame.is_ready = pixels, True
            self._frames.keep(number, frame, self._needs.next_use(number, self._admitted))
            self._own.memory = None  # it belongs to the frame now
            self._frames.evict()
            return waiting

    def _paste_kept(self, tile: PendingTile) -> list[int]:
        for number, patch in tile.kept:
            tile.paste(self._frames[number].pixels, patch)
        with self._lock:
            for number, _ in tile.kept:
                frame = self._frames[number]
                frame.n_users -= 1
                if frame.n_users == 0:
                    self._frames.keep(number, frame, self._needs.next_use(number, self._admitted))
            self._frames.evict()
            return _complete([tile])

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


def _complete(tiles: list[PendingTile]) -> list[int]:
    """Count something as pasted into these tiles; return those that nothing is missing of any more."""
    done = []
    for tile in tiles:
        tile.n_missing -= 1
        if tile.n_missing == 0:
            done.append(tile.number)
    return done
