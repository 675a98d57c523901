"""The pixels of drawn tiles, read from their slides by several threads, or cut from pieces kept in memory. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import TrainingError
from cartopath.core.rng import stream
from cartopath.models.fingerprint.spec import FingerprintSpec
from cartopath.slides import read_tiles
from cartopath.training.fingerprint.draws import Draws, window_side
from cartopath.training.fingerprint.pieces import Picture, Piece
from cartopath.training.handles import OpenSlides
from cartopath.training.tiles import SlideTiles

KEPT_BYTES = 1 << 30
"""Pieces whose pixels fit into so much memory are decoded once; tiles of their own resolution are then cut from them."""

Tiles = NDArray[np.uint8]
Style = Callable[[Tiles, np.random.Generator], Tiles]
"""Re-styles one tile: uint8 (h, w, 3) RGB and a generator in, the same tissue in another style out, of the same shape."""


class PieceReader:
    """Reads tiles of pieces. Slides are opened when first needed, in the process that needs them; pickled, none is open.

    Args:
        pieces: What there is.
        network: How large and fine tiles are.
        open_slides: How many slides stay open.
    """

    def __init__(self, pieces: Sequence[Piece], network: FingerprintSpec, *, open_slides: int) -> None:
        self._pieces, self._network, self._limit = tuple(pieces), network, open_slides
        self._open = OpenSlides(open_slides)
        windows = [picture.window_px0 for piece in pieces for picture in piece.pictures]
        self._is_keeping = sum(window.width * window.height * 3 for window in windows) <= KEPT_BYTES
        self._kept: dict[tuple[int, int], Tiles] = {}

    def read(self, draws: Draws, *, read_px: int, pool: ThreadPoolExecutor) -> Tiles:
        """Return the squares of drawn tiles.

        Args:
            draws: Which.
            read_px: Side of the squares, as the network sees them.
            pool: Whose threads read, a slide each.

        Returns:
            uint8 (n, n_read, read_px, read_px, 3), RGB.

        Raises:
            SlideError: A slide cannot be read.
        """
        n, n_read = draws.picture.shape
        tiles = np.empty((n, n_read, read_px, read_px, 3), np.uint8)
        by_slide: dict[tuple[str, float], tuple[Picture, list[tuple[int, int]]]] = {}
        for row, (piece, pictures) in enumerate(zip(draws.piece.tolist(), draws.picture.tolist(), strict=True)):
            for column, at in enumerate(pictures):
                picture = self._pieces[piece].pictures[at]
                if self._is_keeping and window_side(self._network, read_px, picture.mpp) == read_px:
                    window, (x, y) = picture.window_px0, draws.corner_px0[row, column].tolist()
                    whole = self._whole(piece, at)
                    tiles[row, column] = whole[y - window.y :, x - window.x :][:read_px, :read_px]
                    continue
                by_slide.setdefault((str(picture.path), picture.mpp), (picture, []))[1].append((row, column))

        def read_slide(job: tuple[Picture, list[tuple[int, int]]]) -> None:
            picture, members = job
            rows, columns = np.array(members).T
            side = window_side(self._network, read_px, picture.mpp)
            with self._open.reading(_handle(picture, side, read_px)) as slide:
                corners = draws.corner_px0[rows, columns]
                tiles[rows, columns] = read_tiles(slide, corners, window_px0=side, size_px=read_px)

        for _ in pool.map(read_slide, by_slide.values()):
            pass
        return tiles

    def _whole(self, piece: int, at: int) -> Tiles:
        """All pixels of a picture, (h, w, 3), read when first needed."""
        if (piece, at) not in self._kept:
            picture = self._pieces[piece].pictures[at]
            window = picture.window_px0
            with self._open.reading(_handle(picture, 1, 1)) as slide:
                size = (window.width, window.height)
                self._kept[piece, at] = slide.read_scaled(window.x, window.y, size, size)
        return self._kept[piece, at]

    def close(self) -> None:
        """Close every slide that is open; they open again when needed."""
        self._open.close()

    def __getstate__(self) -> dict[str, object]:
        return {"_pieces": self._pieces, "_network": self._network, "_limit": self._limit, "_is_keeping": self._is_keeping}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._open = OpenSlides(self._limit)
        self._kept = {}


def _handle(picture: Picture, side: int, read_px: int) -> SlideTiles:
    """What `OpenSlides` opens a slide by."""
    return SlideTiles(
        slide_id=f"{picture.path}@{picture.mpp}",
        patient_id="",
        path=picture.path,
        xy_px0=np.empty((0, 2), np.int64),
        window_px0=side,
        size_px=read_px,
        stated_mpp=picture.mpp,
    )


def restyled(tiles: Tiles, draws: Draws, style: Style, *, seed: int, names: Sequence[str | int]) -> Tiles:
    """Return tiles with a second style behind each, (n, 1, s, s, 3) -> (n, 2, s, s, 3).

    Args:
        tiles: As read.
        draws: Their numbers, which name the random stream of each.
        style: Makes the second style.
        seed: Seed of the study.
        names: Of the training and the chunk.

    Raises:
        TrainingError: The style gives another shape or type.
    """
    second = [
        style(tile[0], stream(seed, "fingerprint style", *names, int(number)))
        for tile, number in zip(tiles, draws.index, strict=True)
    ]
    wrong = next((tile for tile in second if tile.shape != tiles.shape[2:] or tile.dtype != np.uint8), None)
    if wrong is not None:
        raise TrainingError(f"a style must give uint8 tiles of shape {tiles.shape[2:]}. Got {wrong.dtype} {wrong.shape} instead.")
    return np.concatenate([tiles, np.stack(second)[:, None]], axis=1)
