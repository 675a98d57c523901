"""Pictures to check by eye: the cores that were found on an array, and the regions that look most like another."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cartopath.core.geometry import RegionPx0
from cartopath.methods.fingerprints_without_study.core_map import place_name
from cartopath.methods.fingerprints_without_study.found import FoundArray
from cartopath.slides import open_slide

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INK, _MUTED, _FRAME, _CONTROL = "#222222", "#666666", "#0057b8", "#b85c00"
_LONGEST_PX, _DPI = 1100, 100
_TILE_IN, _NOTE_IN, _GAP_IN, _MARGIN_IN, _HEAD_IN = 1.3, 0.52, 0.12, 0.15, 0.35
_COLUMNS, _CAPTION = 6, 22


@dataclass(frozen=True, eq=False)
class CaptionedTile:
    """A tile and what stands below it.

    Attributes:
        pixels: uint8 (h, w, 3).
        lines: Each as wide as the tile at most; longer ones are cut.
    """

    pixels: NDArray[np.uint8]
    lines: tuple[str, ...]


def array_picture(array: FoundArray) -> bytes:
    """Return the thumbnail of an array with the squares around its cores and the names of their places, as PNG.

    Cores of no patient are brown; places of the map without a core are named in grey where they should be.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    with open_slide(array.path, mpp=array.mpp) as slide:
        thumbnail = slide.thumbnail(_LONGEST_PX)
        scale = max(thumbnail.shape[:2]) / max(slide.dimensions_px0.width, slide.dimensions_px0.height)
    height, width = thumbnail.shape[:2]
    figure = Figure(figsize=(width / _DPI, height / _DPI + _HEAD_IN), dpi=_DPI, facecolor="white")
    axes = figure.add_axes((0, 0, 1, height / (height + _HEAD_IN * _DPI)))
    axes.imshow(thumbnail, extent=(0, width, height, 0), interpolation="antialiased")
    axes.set_axis_off()
    head = f"{array.path.name}: {array.summary}"
    figure.text(0.01, 1 - _HEAD_IN * _DPI / 2 / (height + _HEAD_IN * _DPI), head, fontsize=9, color=_INK, va="center")
    side = np.median([core.window_px0.width for core in array.cores]) * scale
    size = float(np.clip(side * 72 / _DPI / 4, 3.5, 11))
    for core in array.cores:
        window, colour = core.window_px0, _FRAME if core.patient_id else _CONTROL
        corner = (window.x * scale, window.y * scale)
        axes.add_patch(
            Rectangle(corner, window.width * scale, window.height * scale, fill=False, edgecolor=colour, linewidth=0.8)
        )
        _label(axes, (corner[0] + 1.5, corner[1] + 1.5), place_name(core.place), size, colour, "left", "top")
    for place, middle in _where(array).items():
        _label(axes, (middle[0] * scale, middle[1] * scale), place_name(place), size, _MUTED, "center", "center")
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    return _png(figure)


def _label(axes: Axes, at: tuple[float, float], text: str, size: float, colour: str, across: str, down: str) -> None:
    box = {"facecolor": "white", "alpha": 0.75, "pad": 0.6, "linewidth": 0}
    axes.text(*at, text, fontsize=size, color=colour, ha=across, va=down, bbox=box, parse_math=False)


def _where(array: FoundArray) -> dict[tuple[int, int], tuple[float, float]]:
    """Where missing cores should be: the middle of their column and of their row; not those of a row that is lost."""
    middles = {core.place: _middle(core.window_px0) for core in array.cores}
    found = {}
    for row, col in array.missing:
        x = [middle[0] for place, middle in middles.items() if place[1] == col]
        y = [middle[1] for place, middle in middles.items() if place[0] == row]
        if x and y:
            found[row, col] = (float(np.median(x)), float(np.median(y)))
    return found


def _middle(window: RegionPx0) -> tuple[float, float]:
    return window.x + window.width / 2, window.y + window.height / 2


def tile_sheet(query: CaptionedTile, found: Sequence[CaptionedTile], *, title: str) -> bytes:
    """Return a sheet of tiles as PNG: the one that was asked about, framed, and those that look most like it, best first."""
    from matplotlib.figure import Figure

    tiles = [query, *found]
    n_columns = min(_COLUMNS, len(tiles))
    n_rows = -(-len(tiles) // n_columns)
    step = (_TILE_IN + _GAP_IN, _TILE_IN + _NOTE_IN + _GAP_IN)
    width = 2 * _MARGIN_IN + max(n_columns, 3) * step[0] - _GAP_IN
    height = _MARGIN_IN + _HEAD_IN + n_rows * step[1]
    figure = Figure(figsize=(width, height), dpi=_DPI + 20, facecolor="white")
    figure.text(_MARGIN_IN / width, 1 - 0.2 / height, title, fontsize=9, color=_INK, va="center", parse_math=False)
    for number, tile in enumerate(tiles):
        row, col = divmod(number, n_columns)
        left, top = _MARGIN_IN + col * step[0], height - _HEAD_IN - row * step[1]
        axes = figure.add_axes((left / width, (top - _TILE_IN) / height, _TILE_IN / width, _TILE_IN / height))
        axes.imshow(tile.pixels, interpolation="antialiased")
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set(color=_FRAME, linewidth=2.5 if number == 0 else 0)
        note = "\n".join(textwrap.shorten(line, _CAPTION, placeholder="…") if " " in line else _cut(line) for line in tile.lines)
        figure.text(left / width, (top - _TILE_IN - 0.05) / height, note, fontsize=6.2, color=_MUTED, va="top", parse_math=False)
    return _png(figure)


def _cut(line: str) -> str:
    """A name that is too long loses its middle: beginnings and ends tell slides apart."""
    if len(line) <= _CAPTION:
        return line
    return f"{line[: _CAPTION // 2]}…{line[-(_CAPTION - 1 - _CAPTION // 2) :]}"


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
