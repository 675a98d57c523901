"""The sheet a map is drawn on: axes in micrometres, a scale bar below, a legend or a colour bar beside, PNG bytes at the end.

Figures are built with matplotlib's object interface, so that drawing needs no display and leaves no state; bytes are the same for
the same content.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cartopath.core.geometry import SizeUm

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#222222"
MUTED = "#666666"
_LONG_SIDE_IN = 4.6
_TITLE_CHARACTER_IN = 0.09
_MARGIN_IN = 0.2
_GAP_IN = 0.25
_TITLE_IN = 0.5
_FOOT_IN = 0.5
_DPI = 150
_MAX_DPI = 600


@dataclass(frozen=True)
class Extent:
    """The part of a slide that is drawn, in micrometres from its upper left corner."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def size(self) -> SizeUm:
        """Its width and height."""
        return SizeUm(self.right - self.left, self.bottom - self.top)


@dataclass(frozen=True)
class LegendEntry:
    """One colour of a legend and what it means."""

    colour: tuple[float, float, float]
    text: str


def tissue_extent(is_tissue: NDArray[np.bool_], tile_um: float, *, margin: int = 1) -> Extent:
    """Return the extent of the tissue on the tile grid with a margin of some tiles; the whole grid where there is none.

    >>> tissue = np.zeros((9, 9), dtype=bool)
    >>> tissue[4, 3:6] = True
    >>> tissue_extent(tissue, 100.0)
    Extent(left=200.0, top=300.0, right=700.0, bottom=600.0)
    """
    n_rows, n_cols = is_tissue.shape
    rows, cols = (np.flatnonzero(is_tissue.any(axis=axis)) for axis in (1, 0))
    if rows.size == 0:
        return Extent(0.0, 0.0, n_cols * tile_um, n_rows * tile_um)
    left, top = max(int(cols[0]) - margin, 0), max(int(rows[0]) - margin, 0)
    right, bottom = min(int(cols[-1]) + 1 + margin, n_cols), min(int(rows[-1]) + 1 + margin, n_rows)
    return Extent(left * tile_um, top * tile_um, right * tile_um, bottom * tile_um)


def widened(extent: Extent) -> Extent:
    """Return the extent with its short side at least a third of the long one, around the same centre, so that a legend has room.

    >>> widened(Extent(0.0, 0.0, 900.0, 100.0))
    Extent(left=0.0, top=-100.0, right=900.0, bottom=200.0)
    """
    least = max(extent.size.width, extent.size.height) / 3
    across, down = (max(0.0, (least - side) / 2) for side in (extent.size.width, extent.size.height))
    return Extent(extent.left - across, extent.top - down, extent.right + across, extent.bottom + down)


def scale_bar_um(width_um: float) -> float:
    """Return the length of a readable scale bar: 1, 2 or 5 times a power of ten, at most a third of the width.

    >>> scale_bar_um(10_000.0), scale_bar_um(1_400.0)
    (2000.0, 200.0)
    """
    limit = width_um / 3
    power = 10.0 ** math.floor(math.log10(limit))
    return max(step * power for step in (1, 2, 5) if step * power <= limit)


def scale_text(length_um: float) -> str:
    """Return the length with its unit.

    >>> scale_text(2000.0), scale_text(500.0)
    ('2 mm', '500 µm')
    """
    return f"{length_um / 1000:g} mm" if length_um >= 1000 else f"{length_um:g} µm"


def legend_colour(rgb: NDArray[np.uint8]) -> tuple[float, float, float]:
    """Return a colour as matplotlib takes it, 0 to 1."""
    red, green, blue = (float(part) / 255 for part in rgb)
    return red, green, blue


def map_sheet(extent: Extent, *, n_maps: int, side_in: float, title: str, tile_um: float) -> tuple[Figure, list[Axes]]:
    """Return a figure with `n_maps` equal maps beside each other, and room of `side_in` inches at the right.

    Args:
        extent: What each map shows.
        n_maps: How many.
        side_in: Width of the room for a legend or colour bar.
        title: Printed above.
        tile_um: Side of a tile; the resolution is raised until a tile has two dots.
    """
    from matplotlib.figure import Figure

    inches_per_um = _LONG_SIDE_IN / max(extent.size.width, extent.size.height)
    width, height = extent.size.width * inches_per_um, extent.size.height * inches_per_um
    needed = max(n_maps * width + (n_maps - 1) * _GAP_IN + side_in, _TITLE_CHARACTER_IN * len(title))
    total = (2 * _MARGIN_IN + needed, _TITLE_IN + height + _FOOT_IN)
    dots_per_tile = _DPI * width / (extent.size.width / tile_um)
    figure = Figure(figsize=total, dpi=min(_MAX_DPI, _DPI * max(1.0, 2.0 / dots_per_tile)), facecolor="white")
    axes = []
    for number in range(n_maps):
        left = _MARGIN_IN + number * (width + _GAP_IN)
        axes.append(map_axes(figure, (left, _FOOT_IN, width, height), extent))
    figure.text(
        _MARGIN_IN / total[0], 1 - 0.2 / total[1], title, ha="left", va="center", fontsize=10, color=INK, parse_math=False
    )
    draw_scale_bar(figure, (_MARGIN_IN, 0.16), inches_per_um=inches_per_um, width_um=extent.size.width)
    return figure, axes


def map_axes(figure: Figure, box_in: tuple[float, float, float, float], extent: Extent) -> Axes:
    """Return axes in micrometres, y down, without ticks, at (left, bottom, width, height) inches."""
    total_width, total_height = figure.get_size_inches()
    left, bottom, width, height = box_in
    axes = figure.add_axes((left / total_width, bottom / total_height, width / total_width, height / total_height))
    axes.set_xlim(extent.left, extent.right)
    axes.set_ylim(extent.bottom, extent.top)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(color="#cccccc", linewidth=0.6)
    return axes


def draw_grid(axes: Axes, cells: NDArray[Any], tile_um: float, **options: Any) -> Any:
    """Draw one colour or value per tile of the grid on axes in micrometres, and return the artist."""
    limits = axes.get_xlim(), axes.get_ylim()
    artist = axes.imshow(
        cells,
        extent=(0.0, cells.shape[1] * tile_um, cells.shape[0] * tile_um, 0.0),
        interpolation="nearest",
        aspect="auto",
        **options,
    )
    axes.set(xlim=limits[0], ylim=limits[1])
    return artist


def draw_slide(axes: Axes, image: NDArray[np.uint8], size: SizeUm) -> None:
    """Draw a picture of the whole slide on axes in micrometres."""
    limits = axes.get_xlim(), axes.get_ylim()
    axes.imshow(image, extent=(0.0, size.width, size.height, 0.0), interpolation="antialiased", aspect="auto", zorder=0)
    axes.set(xlim=limits[0], ylim=limits[1])


def draw_scale_bar(figure: Figure, at_in: tuple[float, float], *, inches_per_um: float, width_um: float) -> None:
    """Draw a scale bar with its length beside it; `at_in` is its lower left corner in inches."""
    from matplotlib.patches import Rectangle

    total_width, total_height = figure.get_size_inches()
    length_um = scale_bar_um(width_um)
    length_in = length_um * inches_per_um
    left, bottom = at_in
    figure.add_artist(
        Rectangle(
            (left / total_width, bottom / total_height),
            length_in / total_width,
            0.045 / total_height,
            color=INK,
            linewidth=0,
            transform=figure.transFigure,
        )
    )
    where = ((left + length_in + 0.08) / total_width, (bottom + 0.022) / total_height)
    figure.text(*where, scale_text(length_um), ha="left", va="center", fontsize=8, color=INK)


def draw_legend(
    figure: Figure, at_in: tuple[float, float], entries: Sequence[LegendEntry], *, notes: Sequence[str] = (), n_cols: int = 1
) -> None:
    """Draw a legend whose upper left corner is at `at_in` inches, with notes in small print below it."""
    from matplotlib.patches import Patch

    total_width, total_height = figure.get_size_inches()
    handles = [Patch(facecolor=entry.colour, edgecolor="#999999", linewidth=0.5, label=entry.text) for entry in entries]
    handles += [Patch(facecolor="none", edgecolor="none", label=note) for note in notes]
    legend = figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(at_in[0] / total_width, at_in[1] / total_height),
        frameon=False,
        fontsize=8,
        handlelength=1.2,
        handleheight=1.2,
        borderaxespad=0,
        borderpad=0,
        labelcolor=INK,
        ncols=n_cols,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)


def to_png(figure: Figure) -> bytes:
    """Return the figure as PNG without anything that changes from run to run."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
