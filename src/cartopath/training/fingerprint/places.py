"""Where tiles may be drawn from: the places of a half at which a tile shows enough tissue. Imports no torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import TrainingError
from cartopath.core.geometry import RegionPx0, SizePx0
from cartopath.models.fingerprint.spec import FingerprintSpec
from cartopath.slides import Slide, TissueMask, open_slide, tissue_mask
from cartopath.training.fingerprint.pieces import HALVES, Half, Picture, Piece

STEPS = 8
"""Places lie so many to the side of a tile; a tile is drawn anywhere within half a step of its place."""
_MASK_PX_PER_TILE = 32

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Places:
    """Middles of tiles, by piece, picture and half.

    Attributes:
        points: `points[piece][picture][half]`: (n, 2) x and y in level-0 pixels of the picture's slide.
        step_um: Distance of neighbouring places.
    """

    points: tuple[tuple[dict[Half, Points], ...], ...]
    step_um: float


def plan_places(pieces: Sequence[Piece], network: FingerprintSpec, *, read_px: int, min_tissue: float) -> Places:
    """Find the places of every piece.

    Args:
        pieces: Whose slides are opened, one after the other.
        network: How large tiles are.
        read_px: Side of the square that is read around a training tile; all of it lies within the half.
        min_tissue: Share of the tile that must be tissue.

    Raises:
        TrainingError: A half of a piece has no place; `usable_pieces` leaves such pieces out.
        SlideError: A slide cannot be read.
    """
    points = _all_points(pieces, network, read_px=read_px, min_tissue=min_tissue)
    without = [piece.piece_id for piece, own in zip(pieces, points, strict=True) if not _is_usable(own)]
    if without:
        raise TrainingError(
            f"{len(without)} of {len(pieces)} pieces have a half in which no tile of {network.size_um:g} um (a square of "
            f"{read_px * network.mpp:g} um is read) shows {min_tissue:.0%} tissue: {', '.join(without[:5])}; leave them out, "
            f"lower 'min_tissue', use smaller tiles, or turn tiles by right angles only"
        )
    return Places(points, network.size_um / STEPS)


def usable_pieces(
    pieces: Sequence[Piece], network: FingerprintSpec, *, read_px: int, min_tissue: float
) -> tuple[list[Piece], list[Piece]]:
    """Return the pieces with enough tissue in both halves of every picture, and the others."""
    points = _all_points(pieces, network, read_px=read_px, min_tissue=min_tissue)
    usable = [_is_usable(own) for own in points]
    return (
        [piece for piece, is_usable in zip(pieces, usable, strict=True) if is_usable],
        [piece for piece, is_usable in zip(pieces, usable, strict=True) if not is_usable],
    )


def _is_usable(points: tuple[dict[Half, Points], ...]) -> bool:
    return all(len(own[half]) for own in points for half in HALVES)


def _all_points(
    pieces: Sequence[Piece], network: FingerprintSpec, *, read_px: int, min_tissue: float
) -> tuple[tuple[dict[Half, Points], ...], ...]:
    by_slide: dict[tuple[str, float], list[tuple[int, int]]] = {}
    for i, piece in enumerate(pieces):
        for j, picture in enumerate(piece.pictures):
            by_slide.setdefault((str(picture.path), picture.mpp), []).append((i, j))
    found: list[list[dict[Half, Points]]] = [[{} for _ in piece.pictures] for piece in pieces]
    for members in by_slide.values():
        first = pieces[members[0][0]].pictures[members[0][1]]
        with open_slide(first.path, mpp=first.mpp) as slide:
            for i, j in members:
                picture = pieces[i].pictures[j]
                tissue = piece_tissue(slide, picture, network)
                found[i][j] = {
                    half: half_places(picture, half, tissue, network, read_px=read_px, min_tissue=min_tissue) for half in HALVES
                }
    return tuple(tuple(own) for own in found)


def piece_tissue(slide: Slide, picture: Picture, network: FingerprintSpec) -> TissueMask:
    """Return the tissue of a piece's window, as if the window were the slide."""
    window = picture.window_px0
    px0_per_px = max(1.0, network.size_um / _MASK_PX_PER_TILE / picture.mpp)
    size = (max(1, round(window.width / px0_per_px)), max(1, round(window.height / px0_per_px)))
    pixels = slide.read_scaled(window.x, window.y, (window.width, window.height), size)
    return TissueMask(tissue_mask(pixels), SizePx0(window.width, window.height))


def half_places(
    picture: Picture,
    half: Half,
    tissue: TissueMask,
    network: FingerprintSpec,
    *,
    read_px: int,
    min_tissue: float,
    step_um: float | None = None,
) -> Points:
    """Return the middles of tiles within a half, every `step_um`, (n, 2) x and y in level-0 pixels."""
    region, step = picture.half_px0(half), (step_um or network.size_um / STEPS) / picture.mpp
    reach = read_px * network.mpp / picture.mpp / 2 + 1  # one pixel to spare for rounding
    x, y = (_axis(start, length, reach, step) for start, length in ((region.x, region.width), (region.y, region.height)))
    middles = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    if not len(middles):
        return middles
    side = round(network.size_um / picture.mpp)
    corner = np.round(middles - side / 2).astype(np.int64) - (picture.window_px0.x, picture.window_px0.y)
    return middles[tissue.fraction(corner[:, 0], corner[:, 1], side) >= min_tissue]


def _axis(start: int, length: int, reach: float, step: float) -> Points:
    """Places `step` apart, in the middle of what is left when `reach` is kept free at either end."""
    room = length - 2 * reach
    if room < 0:
        return np.empty(0)
    n = math.floor(room / step) + 1
    return np.asarray(start + reach + (room - (n - 1) * step) / 2 + np.arange(n) * step, dtype=np.float64)


def within(region: RegionPx0, middle: Points, side: int) -> NDArray[np.int64]:
    """Return the upper left corners of squares around points, moved so that they lie within a region, (n, 2) level-0 pixels."""
    corner: NDArray[np.int64] = np.round(middle - side / 2).astype(np.int64)
    low = np.array([region.x, region.y])
    return np.asarray(np.clip(corner, low, np.array([region.right, region.bottom]) - side), dtype=np.int64)
