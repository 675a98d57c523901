"""Which tiles a chunk or a validation shows: pieces, pictures and places, from named random streams. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import TrainingError
from cartopath.core.rng import stream
from cartopath.models.fingerprint.spec import FingerprintSpec
from cartopath.training.fingerprint.changes import NONE, Changes, draw_changes
from cartopath.training.fingerprint.pieces import Half, Piece
from cartopath.training.fingerprint.places import Places, within
from cartopath.training.fingerprint.spec import FingerprintTraining


@dataclass(frozen=True, eq=False)
class Draws:
    """Tiles to show, in their order.

    Attributes:
        index: (n,) a number for each, unique within a chunk or validation.
        piece: (n,) number of the piece.
        picture: (n, n_read) which of its pictures; two of them for pairs of sections.
        corner_px0: (n, n_read, 2) upper left corner of the square to read on each picture's slide.
        changes: What is done to the tile.
    """

    index: NDArray[np.int64]
    piece: NDArray[np.int64]
    picture: NDArray[np.int64]
    corner_px0: NDArray[np.int64]
    changes: Changes

    def __len__(self) -> int:
        return len(self.index)

    def rows(self, rows: NDArray[np.integer] | slice) -> Draws:
        """Return some of them."""
        return Draws(self.index[rows], self.piece[rows], self.picture[rows], self.corner_px0[rows], self.changes.rows(rows))


class TileDraws:
    """The tiles of every chunk and of every validation of one training.

    Args:
        pieces: What there is.
        places: Where their tiles may lie.
        network: How large tiles are.
        spec: How many, and what is done to them.
    """

    def __init__(self, pieces: Sequence[Piece], places: Places, network: FingerprintSpec, spec: FingerprintTraining) -> None:
        self._pieces, self._places, self._network, self._spec = tuple(pieces), places, network, spec
        self._n_pictures = np.array([len(piece.pictures) for piece in pieces])
        if spec.pairing == "sections" and self._n_pictures.min() < 2:
            alone = pieces[int(self._n_pictures.argmin())].piece_id
            raise TrainingError(f"the pairing 'sections' needs at least 2 pictures of every piece; {alone!r} has 1")
        self.n_batches = max(1, len(pieces) * spec.tiles_per_piece // spec.batch_size)

    def chunk(self, chunk: int) -> list[Draws]:
        """Return the batches of a chunk: tiles of left halves, every piece equally often but for the last few."""
        spec = self._spec
        rng = stream(spec.seed, "fingerprint tiles", *spec.stream, chunk)
        n = self.n_batches * spec.batch_size
        rounds = -(-n // len(self._pieces))
        piece = np.concatenate([rng.permutation(len(self._pieces)) for _ in range(rounds)])[:n]
        picture = self._pictures(piece, rng)
        changes = draw_changes(spec.augmentation, n, spec.n_styles, rng)
        read_px = spec.augmentation.read_px(self._network.size_px)
        corner = self._corners(piece, picture, "left", read_px, rng)
        draws = Draws(np.arange(n), piece, picture, corner, changes)
        return [draws.rows(slice(at, at + spec.batch_size)) for at in range(0, n, spec.batch_size)]

    def validation(self, half: Half = "right") -> Draws:
        """Return the tiles of every validation: so many of each piece, its pictures in turn, nothing done to them."""
        spec = self._spec
        rng = stream(spec.seed, "fingerprint validation", *spec.stream)
        piece = np.repeat(np.arange(len(self._pieces)), spec.validation_tiles_per_piece)
        turn = np.tile(np.arange(spec.validation_tiles_per_piece), len(self._pieces))
        picture = (turn % self._n_pictures[piece])[:, None]
        corner = self._corners(piece, picture, half, self._network.size_px, rng)
        return Draws(np.arange(len(piece)), piece, picture, corner, draw_changes(NONE, len(piece), 1, rng))

    def _pictures(self, piece: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """One picture of each piece, or two different ones."""
        n = self._n_pictures[piece]
        first: NDArray[np.int64] = (rng.random(len(piece)) * n).astype(np.int64)
        if self._spec.pairing != "sections":
            return first[:, None]
        second = (first + 1 + (rng.random(len(piece)) * (n - 1)).astype(np.int64)) % n
        return np.stack([first, second], axis=1)

    def _corners(
        self, piece: NDArray[np.int64], picture: NDArray[np.int64], half: Half, read_px: int, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        chance, jitter = rng.random(len(piece)), rng.uniform(-0.5, 0.5, (len(piece), 2))
        corners = np.empty((*picture.shape, 2), np.int64)
        for row, (number, pictures) in enumerate(zip(piece.tolist(), picture.tolist(), strict=True)):
            own = self._pieces[number].pictures
            places = self._places.points[number][pictures[0]][half]
            middle = places[int(chance[row] * len(places))] + jitter[row] * self._places.step_um / own[pictures[0]].mpp
            from_middle_um = own[pictures[0]].to_um(*middle)
            for column, at in enumerate(pictures):
                point = middle if column == 0 else np.array(own[at].from_um(*from_middle_um))
                corners[row, column] = within(own[at].half_px0(half), point, window_side(self._network, read_px, own[at].mpp))
        return corners


def window_side(network: FingerprintSpec, read_px: int, mpp: float) -> int:
    """Return the side in level-0 pixels of a square of `read_px` pixels as the network sees them."""
    return max(1, round(read_px * network.mpp / mpp))
