"""The gallery of hotspots: for each bin of the measured value the tiles that count most (Graziani et al. 2022; F69)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cartopath.maps.atlas_sheet import shortened
from cartopath.maps.sheet import INK, MUTED, to_png

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TILE_IN, _GAP_IN, _CAPTION_IN = 0.95, 0.06, 0.32
_HEAD_IN, _FOOT_IN, _NAME_IN = 0.5, 0.3, 1.35
_DPI = 130
_EMPTY_IN, _LEAST_WIDTH_IN = 0.24, 5.6


@dataclass(frozen=True, eq=False)
class GalleryTile:
    """One tile.

    Attributes:
        pixels: uint8 (side, side, 3).
        slide_id: Printed below it, shortened where it is long.
        weight: What it weighs, in weights of an average tile of its slide.
        value: What is predicted of it, in standard deviations from the training mean or as a logit.
    """

    pixels: NDArray[np.uint8]
    slide_id: str
    weight: float
    value: float


@dataclass(frozen=True, eq=False)
class GalleryBin:
    """One row.

    Attributes:
        number: Of the bin, from 0 for the lowest values.
        low: Its lower edge.
        high: Its upper edge.
        n_patients: Held-out patients in it.
        tiles: The one that counts most first.
    """

    number: int
    low: float
    high: float
    n_patients: int
    tiles: tuple[GalleryTile, ...]


def render_hotspot_gallery(bins: Sequence[GalleryBin], *, n_bins: int, trait: str, unit: str, tile_um: float) -> bytes:
    """Return the gallery as PNG, the bin of the highest values at the top; a bin without patients says so.

    Args:
        bins: Those with patients.
        n_bins: How many there are.
        trait: What was measured.
        unit: Of the edges; `class` where bins are classes, low and high.
        tile_um: Side of a tile in micrometres, printed below.
    """
    from matplotlib.figure import Figure

    is_class = unit == "class"
    by_number = {one.number: one for one in bins}
    n_tiles = max([1, *(len(one.tiles) for one in bins)])
    rows_in = [_TILE_IN + _CAPTION_IN if number in by_number else _EMPTY_IN for number in range(n_bins)]
    width, height = 0.3 + _NAME_IN + n_tiles * (_TILE_IN + _GAP_IN), _HEAD_IN + sum(rows_in) + _FOOT_IN
    figure = Figure(figsize=(max(width, _LEAST_WIDTH_IN), height), dpi=_DPI, facecolor="white")
    _write(figure, 0.15, height - 0.2, f"{trait}: tiles that count most, by measured value", size=9)
    if unit and not is_class:
        _write(figure, 0.15, height - 0.38, f"values in {unit}", size=6.5, colour=MUTED)
    top = height - _HEAD_IN
    for number in reversed(range(n_bins)):
        _draw_bin(figure, by_number.get(number), number, top, is_class=is_class)
        top -= rows_in[number]
    value = "logit of the class" if is_class else "σ: predicted value from the training mean"
    note = f"tiles {tile_um:.0f} µm wide; ×: weight in average tiles of the slide; {value}"
    _write(figure, 0.15, 0.15, note, size=6.5, colour=MUTED)
    return to_png(figure)


def _draw_bin(figure: Figure, one: GalleryBin | None, number: int, top: float, *, is_class: bool) -> None:
    if one is None:
        _write(figure, 0.15, top - _EMPTY_IN / 2, "(bin without a held-out patient)", size=6.5, colour=MUTED)
        return
    middle = top - _TILE_IN / 2
    name = ("low", "high")[min(number, 1)] if is_class else f"{one.low:.3g} to {one.high:.3g}"
    _write(figure, 0.15, middle + 0.09, name, size=8)
    patients = f"{one.n_patients} patient{'s' if one.n_patients != 1 else ''}"
    _write(figure, 0.15, middle - 0.09, patients, size=7, colour=MUTED)
    for i, tile in enumerate(one.tiles):
        _draw_tile(figure, tile, 0.15 + _NAME_IN + i * (_TILE_IN + _GAP_IN), top, unit="logit" if is_class else "σ")


def _draw_tile(figure: Figure, tile: GalleryTile, left: float, top: float, *, unit: str) -> None:
    width, height = figure.get_size_inches()
    axes = figure.add_axes((left / width, (top - _TILE_IN) / height, _TILE_IN / width, _TILE_IN / height))
    axes.imshow(tile.pixels, interpolation="antialiased")
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(color="#999999", linewidth=0.6)
    middle = left + _TILE_IN / 2
    _write(figure, middle, top - _TILE_IN - 0.075, f"× {tile.weight:.3g}   {_signed(tile.value)} {unit}", size=6.5, centre=True)
    _write(figure, middle, top - _TILE_IN - 0.175, shortened(tile.slide_id), size=4.4, colour=MUTED, centre=True)


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")


def _write(figure: Figure, x: float, y: float, text: str, *, size: float, colour: str = INK, centre: bool = False) -> None:
    """Write text whose left end, or middle, is at (x, y) inches."""
    width, height = figure.get_size_inches()
    align = "center" if centre else "left"
    figure.text(x / width, y / height, text, ha=align, va="center", fontsize=size, color=colour, parse_math=False)
