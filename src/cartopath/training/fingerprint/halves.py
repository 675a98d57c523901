"""Fingerprints of half pieces, for the matching game (F47): a dense grid of tiles over each half [A23]. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import TrainingError
from cartopath.models.fingerprint.spec import FingerprintSpec
from cartopath.slides import open_slide, read_tiles
from cartopath.stats.matching import Side
from cartopath.training.fingerprint.draws import window_side
from cartopath.training.fingerprint.pieces import Half, Piece
from cartopath.training.fingerprint.places import half_places, piece_tissue, within

Encode = Callable[[Iterable[NDArray[np.uint8]]], NDArray[np.floating]]
"""Features (n_tiles, n_features) from batches of tiles (n, size, size, 3) uint8: any encoder, such as `fingerprint_tiles`."""


def half_fingerprints(
    encode: Encode,
    pieces: Sequence[Piece],
    network: FingerprintSpec,
    *,
    half: Half,
    style: str,
    overlap: float = 0.8,
    min_tissue: float = 0.5,
    batch_size: int = 64,
    threads: int = 1,
) -> Side:
    """Return features of the tiles of one half of every piece, as one side of the matching game.

    Args:
        encode: Gives the features.
        pieces: Whose halves; those without a picture of the style are left out.
        network: Size and resolution of the tiles.
        half: Which half.
        style: Which picture of each piece.
        overlap: Of neighbouring tiles along each axis: 0.8 in the identity heat maps of Rawat et al. 2020.
        min_tissue: Share of a tile that must be tissue; of a half in which no tile has it, all tiles are taken.
        batch_size: Tiles at once.
        threads: That decode.

    Raises:
        TrainingError: No piece has a picture of this style, a half is smaller than a tile, or the overlap is none.
        SlideError: A slide cannot be read.
    """
    if not 0 <= overlap < 1:
        raise TrainingError(f"the overlap of tiles must be 0 or more and below 1. Got {overlap} instead.")
    shown = [(piece, picture) for piece in pieces for picture in piece.pictures if picture.style == style]
    if not shown:
        raise TrainingError(f"none of the {len(pieces)} pieces has a picture of style {style!r}")
    counts: list[int] = []

    def batches() -> Generator[NDArray[np.uint8], None, None]:
        for piece, picture in shown:
            with open_slide(picture.path, mpp=picture.mpp) as slide:
                tissue = piece_tissue(slide, picture, network)
                options = {"read_px": network.size_px, "step_um": network.size_um * (1 - overlap)}
                middles = half_places(picture, half, tissue, network, min_tissue=min_tissue, **options)  # type: ignore[arg-type]
                if not len(middles):
                    middles = half_places(picture, half, tissue, network, min_tissue=0.0, **options)  # type: ignore[arg-type]
                if not len(middles):
                    raise TrainingError(
                        f"piece {piece.piece_id!r}: its {half} half is smaller than a tile of {network.size_um:g} um"
                    )
                counts.append(len(middles))
                side = window_side(network, network.size_px, picture.mpp)
                corners = within(picture.half_px0(half), middles, side)
                for at in range(0, len(corners), batch_size):
                    yield read_tiles(
                        slide, corners[at : at + batch_size], window_px0=side, size_px=network.size_px, threads=threads
                    )

    features = encode(batches())
    names = np.repeat([piece.piece_id for piece, _ in shown], counts)
    return Side(features, names, np.repeat([piece.patient_id for piece, _ in shown], counts))
