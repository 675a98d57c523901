"""Maps of overlapping tiles on one sheet: each piece of tissue beside its map, all at one physical scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import ArtifactError
from cartopath.core.geometry import RegionPx0
from cartopath.maps.dense_map import DenseMap
from cartopath.maps.sheet import INK, MUTED, Extent, LegendEntry, draw_legend, draw_scale_bar, map_axes, to_png

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_COLS = 3
_CELL_IN = 1.25
_PAIR_GAP_IN = 0.06
_GAP_IN = 0.28
_CAPTION_IN = 0.4
_MARGIN_IN = 0.2
_TITLE_IN = 0.4
_FOOT_IN = 0.62
_BAR_IN = (2.2, 0.11)
_CAPTION_CHARACTERS = 44
_NO_TILE = (0.87, 0.89, 0.91)
"""Colour of places without a value."""


@dataclass(frozen=True, eq=False)
class DensePiece:
    """A piece of tissue and its maps.

    Attributes:
        name: Printed above, such as the name of the piece.
        note: Printed below the name, such as a mean.
        picture: (h, w, 3) uint8, the region as it looks.
        region: The region on its slide.
        mpp: Micrometres per level-0 pixel.
        maps: One or two, such as one per half.
        divided: Draw the line between its halves.
    """

    name: str
    note: str
    picture: NDArray[np.uint8]
    region: RegionPx0
    mpp: float
    maps: tuple[DenseMap, ...]
    divided: bool = False


def render_dense_sheet(
    pieces: Sequence[DensePiece], *, colours: str, limits: tuple[float, float] | None, value_name: str, title: str = ""
) -> bytes:
    """Draw pieces in rows of at most three, each with its picture at the left and its map at the right.

    Args:
        pieces: At least one.
        colours: A colour map of matplotlib.
        limits: Values of its ends; None: the smallest and largest value of these maps.
        value_name: What the values are.
        title: Printed above.

    Returns:
        PNG; equal input gives equal bytes.

    Raises:
        ArtifactError: There is no piece, or a value lies outside 0 to 1.
    """
    from matplotlib.figure import Figure

    low, high = _limits(pieces, limits)
    um = max(max(piece.region.width, piece.region.height) * piece.mpp for piece in pieces)
    scale = _CELL_IN / um
    n_cols = min(_MOST_COLS, len(pieces))
    n_rows = math.ceil(len(pieces) / n_cols)
    cell = 2 * _CELL_IN + _PAIR_GAP_IN
    width = 2 * _MARGIN_IN + n_cols * cell + (n_cols - 1) * _GAP_IN
    width = max(width, 2 * _MARGIN_IN + _BAR_IN[0] + 2.4)
    height = _TITLE_IN + n_rows * (_CAPTION_IN + _CELL_IN) + (n_rows - 1) * _GAP_IN / 2 + _FOOT_IN
    figure = Figure(figsize=(width, height), dpi=135, facecolor="white")
    figure.text(_MARGIN_IN / width, 1 - 0.2 / height, title, ha="left", va="center", fontsize=10, color=INK, parse_math=False)
    options = {"cmap": colours, "vmin": low, "vmax": high}
    drawn: Any = None
    for at, piece in enumerate(pieces):
        row, col = divmod(at, n_cols)
        left = _MARGIN_IN + col * (cell + _GAP_IN)
        top = height - _TITLE_IN - row * (_CAPTION_IN + _CELL_IN + _GAP_IN / 2)
        drawn = _draw_piece(figure, piece, left, top, scale, options)
    draw_scale_bar(figure, (_MARGIN_IN, 0.38), inches_per_um=scale, width_um=um)
    draw_legend(figure, (_MARGIN_IN, 0.27), [LegendEntry(_NO_TILE, "no tissue, or edge of a half")])
    _draw_bar(figure, drawn, value_name)
    return to_png(figure)


def _limits(pieces: Sequence[DensePiece], limits: tuple[float, float] | None) -> tuple[float, float]:
    if not pieces:
        raise ArtifactError("render_dense_sheet: no pieces to draw")
    values = np.concatenate([one.values.ravel() for piece in pieces for one in piece.maps])
    known = values[~np.isnan(values)]
    if ((known < 0) | (known > 1)).any():
        raise ArtifactError(f"render_dense_sheet: values lie between 0 and 1, found {known.min():g} to {known.max():g}")
    if limits is not None:
        return limits
    return (float(known.min()), float(known.max())) if len(known) and known.min() < known.max() else (0.0, 1.0)


def _draw_piece(figure: Figure, piece: DensePiece, left: float, top: float, scale: float, options: dict[str, Any]) -> Any:
    width, height = figure.get_size_inches()
    lines = ((piece.name, 0.08, 7.5, INK), (piece.note, 0.23, 7, MUTED))
    for text, below, size, colour in lines:
        shown = text if len(text) <= _CAPTION_CHARACTERS else f"{text[: _CAPTION_CHARACTERS - 1]}…"
        figure.text(
            left / width, (top - below) / height, shown, ha="left", va="center", fontsize=size, color=colour, parse_math=False
        )
    side = piece.region.width * piece.mpp, piece.region.height * piece.mpp
    extent = Extent(0.0, 0.0, *side)
    boxes = [(left + n * (side[0] * scale + _PAIR_GAP_IN), top - _CAPTION_IN - side[1] * scale) for n in range(2)]
    picture, shown_map = (map_axes(figure, (*box, side[0] * scale, side[1] * scale), extent) for box in boxes)
    picture.imshow(piece.picture, extent=(0.0, side[0], side[1], 0.0), interpolation="antialiased", aspect="auto")
    shown_map.set_facecolor(_NO_TILE)
    drawn = [_draw_map(shown_map, one, piece, options) for one in piece.maps][-1]
    for axes in (picture, shown_map):
        axes.set(xlim=(0.0, side[0]), ylim=(side[1], 0.0))
        if piece.divided:
            axes.axvline(side[0] / 2, color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
    return drawn


def _draw_map(axes: Axes, one: DenseMap, piece: DensePiece, options: dict[str, Any]) -> Any:
    origin = np.array([piece.region.x, piece.region.y, piece.region.x, piece.region.y])
    left, top, right, bottom = (np.asarray(one.region_px0) - origin) * piece.mpp
    cells = np.ma.masked_invalid(one.values)
    return axes.imshow(cells, extent=(left, right, bottom, top), interpolation="nearest", aspect="auto", **options)


def _draw_bar(figure: Figure, drawn: Any, value_name: str) -> None:
    width, height = figure.get_size_inches()
    left = width - _MARGIN_IN - _BAR_IN[0]
    axes = figure.add_axes((left / width, 0.38 / height, _BAR_IN[0] / width, _BAR_IN[1] / height))
    bar = figure.colorbar(drawn, cax=axes, orientation="horizontal")
    bar.set_label(value_name, fontsize=8, color=INK, labelpad=1)
    bar.ax.tick_params(labelsize=7, length=2, pad=1.5)
