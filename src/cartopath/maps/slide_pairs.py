"""Pairs of slides side by side: both as they look, and which tiles of each look like the other slide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import ArtifactError
from cartopath.core.geometry import SizeUm
from cartopath.maps.sheet import INK, MUTED, Extent, draw_scale_bar, draw_slide, map_axes, to_png
from cartopath.maps.thumbnail import Thumbnail

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CELL_IN = 1.9
_GAP_IN = 0.1
_MIDDLE_IN = 0.35
_HEAD_IN = 0.48
_ROW_GAP_IN = 0.35
_MARGIN_IN = 0.2
_TITLE_IN = 0.4
_FOOT_IN = 0.6
_COLOURS = "viridis"
_BAR_IN = (2.2, 0.11)
_NAME_CHARACTERS = 52


@dataclass(frozen=True, eq=False)
class PairedSlide:
    """One slide of a pair.

    Attributes:
        name: Printed above.
        thumbnail: The whole slide.
        xy_um: (n_tiles, 2) upper left corners of the tiles.
        tile_um: Side of a tile.
        values: (n_tiles,) similarity to the other slide, 0 to 1.
    """

    name: str
    thumbnail: Thumbnail
    xy_um: NDArray[np.float64]
    tile_um: float
    values: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SlidePair:
    """Two slides, and what is odd about them."""

    text: str
    first: PairedSlide
    second: PairedSlide


def render_slide_pairs(pairs: Sequence[SlidePair], *, title: str = "") -> bytes:
    """Draw one row per pair: tissue and similarity of the one, tissue and similarity of the other.

    Args:
        pairs: At least one.
        title: Printed above.

    Returns:
        PNG; equal input gives equal bytes.

    Raises:
        ArtifactError: There is no pair, or a similarity lies outside 0 to 1.
    """
    from matplotlib.figure import Figure

    low, high = _limits(pairs)
    width = 2 * _MARGIN_IN + 4 * _CELL_IN + 2 * _GAP_IN + _MIDDLE_IN
    tall = [max(_size_in(slide)[1] for slide in (pair.first, pair.second)) for pair in pairs]
    height = _TITLE_IN + sum(tall) + len(pairs) * (_HEAD_IN + _ROW_GAP_IN) + _FOOT_IN
    figure = Figure(figsize=(width, height), dpi=135, facecolor="white")
    figure.text(_MARGIN_IN / width, 1 - 0.2 / height, title, ha="left", va="center", fontsize=10, color=INK, parse_math=False)
    top = height - _TITLE_IN
    drawn: Any = None
    for pair, picture_in in zip(pairs, tall, strict=True):
        figure.text(
            _MARGIN_IN / width,
            (top - 0.1) / height,
            pair.text,
            va="center",
            fontsize=8.5,
            color=INK,
            weight="bold",
            parse_math=False,
        )
        for number, slide in enumerate((pair.first, pair.second)):
            left = _MARGIN_IN + number * (2 * _CELL_IN + _GAP_IN + _MIDDLE_IN)
            drawn = _draw_slide(figure, slide, left, top, {"cmap": _COLOURS, "vmin": low, "vmax": high})
        top -= _HEAD_IN + picture_in + _ROW_GAP_IN
    bar = figure.add_axes(((width - _MARGIN_IN - _BAR_IN[0]) / width, 0.4 / height, _BAR_IN[0] / width, _BAR_IN[1] / height))
    figure.colorbar(drawn, cax=bar, orientation="horizontal")
    bar.set_xlabel("similarity to the mean of the other slide", fontsize=8, color=INK, labelpad=1)
    bar.tick_params(labelsize=7, length=2, pad=1.5)
    note = "slides are drawn as large as fits; each has its own scale bar"
    figure.text(_MARGIN_IN / width, 0.3 / height, note, va="center", fontsize=7.5, color=MUTED)
    return to_png(figure)


def _limits(pairs: Sequence[SlidePair]) -> tuple[float, float]:
    if not pairs:
        raise ArtifactError("render_slide_pairs: no pairs to draw")
    values = np.concatenate([slide.values for pair in pairs for slide in (pair.first, pair.second)])
    if ((values < 0) | (values > 1)).any():
        raise ArtifactError(f"render_slide_pairs: similarities lie between 0 and 1, found {values.min():g} to {values.max():g}")
    return (float(values.min()), float(values.max())) if values.min() < values.max() else (0.0, 1.0)


def _size_in(slide: PairedSlide) -> tuple[float, float]:
    """How large a slide is drawn: as large as fits."""
    width, height = slide.thumbnail.width_um, slide.thumbnail.height_um
    scale = _CELL_IN / max(width, height)
    return width * scale, height * scale


def _draw_slide(figure: Figure, slide: PairedSlide, left: float, top: float, options: dict[str, Any]) -> Any:
    width, height = figure.get_size_inches()
    name = slide.name if len(slide.name) <= _NAME_CHARACTERS else f"{slide.name[: _NAME_CHARACTERS - 1]}…"
    figure.text(left / width, (top - 0.3) / height, name, va="center", fontsize=7.5, color=MUTED, parse_math=False)
    size = SizeUm(slide.thumbnail.width_um, slide.thumbnail.height_um)
    extent, box = Extent(0.0, 0.0, size.width, size.height), _size_in(slide)
    bottom = top - _HEAD_IN - box[1]
    axes = [map_axes(figure, (left + n * (_CELL_IN + _GAP_IN), bottom, *box), extent) for n in range(2)]
    draw_slide(axes[0], slide.thumbnail.image, size)
    draw_slide(axes[1], slide.thumbnail.faded(), size)
    draw_scale_bar(figure, (left, bottom - 0.1), inches_per_um=box[0] / size.width, width_um=size.width / 2)
    return _draw_tiles(axes[1], slide, options)


def _draw_tiles(axes: Axes, slide: PairedSlide, options: dict[str, Any]) -> Any:
    """Draw each tile as a square of its colour: tiles of a sample lie on no grid of their own."""
    from matplotlib.collections import PolyCollection

    corners = np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]) * slide.tile_um
    squares = slide.xy_um[:, None, :] + corners  # (n_tiles, 4 corners, x and y)
    tiles = PolyCollection(list(squares), array=slide.values, linewidths=0, antialiased=False, cmap=options["cmap"])
    tiles.set_clim(options["vmin"], options["vmax"])
    axes.add_collection(tiles, autolim=False)
    return tiles
