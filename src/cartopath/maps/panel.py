"""Many heterogeneity maps on one sheet, in rows of rising HTI (Levy-Jurgenson et al. 2020, figure 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import ArtifactError
from cartopath.maps.heterogeneity_map import NO_TISSUE, HeterogeneityMap
from cartopath.maps.palette import combination_colours, legend_names
from cartopath.maps.sheet import (
    INK,
    MUTED,
    Extent,
    LegendEntry,
    draw_grid,
    draw_legend,
    draw_scale_bar,
    legend_colour,
    map_axes,
    tissue_extent,
    to_png,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAPER_BANDS = ((0.0, 0.1), (0.4, 0.6), (0.9, 1.0))
MAX_LEGEND = 15
_CELL_IN = 1.35
_GAP_IN = 0.18
_CAPTION_IN = 0.34
_MARGIN_IN = 0.25
_TITLE_IN = 0.45
_FOOT_IN = 0.4
_ROW_NAME_IN = 1.2
_LEGEND_ROW_IN = 0.2
_LEAST_COLS = 3


@dataclass(frozen=True, eq=False)
class PanelMap:
    """One heterogeneity map of a panel.

    Attributes:
        name: What to print below its HTI, such as the slide's or patient's id.
        hti: Its heterogeneity index.
        mapped: The map.
        tile_um: Side of a tile in micrometres.
    """

    name: str
    hti: float
    mapped: HeterogeneityMap
    tile_um: float


@dataclass(frozen=True)
class PanelRow:
    """A row of a panel: what it is called, and its maps by rising HTI."""

    name: str
    maps: tuple[PanelMap, ...]


def panel_rows(
    maps: Sequence[PanelMap], *, bands: Sequence[tuple[float, float]] | None = None, n_rows: int = 3, per_row: int = 5
) -> tuple[PanelRow, ...]:
    """Choose the maps of a panel: rows by rising HTI, in each as many as fit, evenly spread over its range.

    Args:
        maps: All candidates, in any order.
        bands: Lowest and highest HTI of each row, such as `PAPER_BANDS`; a row can be empty. None: equal shares of the maps.
        n_rows: Rows, where there are no bands.
        per_row: Maps per row at most.

    >>> [row.name for row in panel_rows([], bands=PAPER_BANDS)]
    ['HTI 0-0.1', 'HTI 0.4-0.6', 'HTI 0.9-1']
    """
    ordered = sorted(maps, key=lambda one: (one.hti, one.name))
    if bands is not None:
        inside = [(f"HTI {low:g}-{high:g}", [one for one in ordered if low <= one.hti <= high]) for low, high in bands]
        return tuple(PanelRow(name, _spread(members, per_row)) for name, members in inside)
    n_rows = max(1, min(n_rows, -(-len(ordered) // per_row)))
    shares = [ordered[len(ordered) * number // n_rows : len(ordered) * (number + 1) // n_rows] for number in range(n_rows)]
    return tuple(PanelRow(f"HTI {share[0].hti:.2f}-{share[-1].hti:.2f}", _spread(share, per_row)) for share in shares if share)


def render_heterogeneity_panel(
    maps: Sequence[PanelMap],
    *,
    bands: Sequence[tuple[float, float]] | None = None,
    n_rows: int = 3,
    per_row: int = 5,
    title: str = "",
) -> bytes:
    """Draw heterogeneity maps in rows of rising HTI, all at one physical scale, with one legend.

    Args:
        maps: All candidates, in any order; see `panel_rows` for which are drawn.
        bands: As for `panel_rows`.
        n_rows: As for `panel_rows`.
        per_row: As for `panel_rows`.
        title: Printed above.

    Returns:
        PNG; equal input gives equal bytes.

    Raises:
        ArtifactError: There are no maps, or they are of different traits.
    """
    from matplotlib.figure import Figure

    if not maps:
        raise ArtifactError("render_heterogeneity_panel: no maps")
    if len({one.mapped.traits for one in maps}) > 1:
        raise ArtifactError("render_heterogeneity_panel: the maps are of different traits and cannot share one legend")
    rows = panel_rows(maps, bands=bands, n_rows=n_rows, per_row=per_row)
    extents = {id(one): _extent(one) for row in rows for one in row.maps}
    largest_um = max((max(extent.size.width, extent.size.height) for extent in extents.values()), default=1000.0)
    inches_per_um = _CELL_IN / largest_um
    n_cols = max(_LEAST_COLS, *(len(row.maps) for row in rows))
    width = 2 * _MARGIN_IN + _ROW_NAME_IN + n_cols * _CELL_IN + (n_cols - 1) * _GAP_IN
    entries, legend_cols = _legend(maps, width - 2 * _MARGIN_IN)
    legend_in = _LEGEND_ROW_IN * -(-len(entries) // legend_cols) + 0.1
    heights = [_row_height(row, extents, inches_per_um) for row in rows]
    height = _TITLE_IN + sum(heights) + _GAP_IN * (len(rows) - 1) + _FOOT_IN + legend_in
    figure = Figure(figsize=(width, height), dpi=150, facecolor="white")
    figure.text(_MARGIN_IN / width, 1 - 0.2 / height, title, ha="left", va="center", fontsize=10, color=INK, parse_math=False)
    top = height - _TITLE_IN
    for row, row_height in zip(rows, heights, strict=True):
        _draw_row(figure, row, top, extents, inches_per_um)
        top -= row_height + _GAP_IN
    draw_scale_bar(figure, (_MARGIN_IN, legend_in + 0.12), inches_per_um=inches_per_um, width_um=largest_um)
    draw_legend(figure, (_MARGIN_IN, legend_in), entries, n_cols=legend_cols)
    return to_png(figure)


def _spread(members: Sequence[PanelMap], n: int) -> tuple[PanelMap, ...]:
    if len(members) <= n:
        return tuple(members)
    places = np.floor(np.linspace(0, len(members) - 1, n) + 0.5).astype(int) if n > 1 else [len(members) // 2]
    return tuple(members[place] for place in places)


def _extent(one: PanelMap) -> Extent:
    return tissue_extent(one.mapped.index != NO_TISSUE, one.tile_um, margin=0)


def _row_height(row: PanelRow, extents: dict[int, Extent], inches_per_um: float) -> float:
    tallest = max((extents[id(one)].size.height * inches_per_um for one in row.maps), default=0.25)
    return _CAPTION_IN + max(tallest, 0.25)


def _draw_row(figure: Figure, row: PanelRow, top_in: float, extents: dict[int, Extent], inches_per_um: float) -> None:
    width, height = figure.get_size_inches()
    middle = (top_in - _CAPTION_IN - 0.1) / height
    figure.text(_MARGIN_IN / width, middle, row.name, ha="left", va="center", fontsize=9, color=INK, weight="bold")
    if not row.maps:
        figure.text((_MARGIN_IN + _ROW_NAME_IN) / width, middle, "no slide", ha="left", va="center", fontsize=8, color=MUTED)
    for number, one in enumerate(row.maps):
        extent = extents[id(one)]
        left = _MARGIN_IN + _ROW_NAME_IN + number * (_CELL_IN + _GAP_IN)
        map_width, map_height = extent.size.width * inches_per_um, extent.size.height * inches_per_um
        axes = map_axes(figure, (left, top_in - _CAPTION_IN - map_height, map_width, map_height), extent)
        axes.set_axis_off()
        draw_grid(axes, one.mapped.rgba(), one.tile_um)
        figure.text(left / width, (top_in - 0.07) / height, f"{one.hti:.2f}", ha="left", va="center", fontsize=8.5, color=INK)
        figure.text(
            left / width, (top_in - 0.21) / height, one.name, ha="left", va="center", fontsize=6, color=MUTED, parse_math=False
        )


def _legend(maps: Sequence[PanelMap], width_in: float) -> tuple[list[LegendEntry], int]:
    """Return the legend of all maps together, and in how many columns it fits."""
    traits = maps[0].mapped.traits
    names, colours = legend_names(traits), combination_colours(traits)
    counts: NDArray[np.int64] = np.sum([one.mapped.counts() for one in maps], axis=0)
    present = sorted((int(code) for code in np.flatnonzero(counts) if code), key=lambda code: (-int(counts[code]), code))
    codes = [1, 2, 3] if len(traits) == 2 else present
    texts = {code: names[code] for code in [*codes[:MAX_LEGEND], 0]}
    entries = [LegendEntry(legend_colour(colours[code]), text) for code, text in texts.items()]
    if len(codes) > MAX_LEGEND:
        entries.append(LegendEntry((1.0, 1.0, 1.0), f"and {len(codes) - MAX_LEGEND} rarer combinations"))
    longest = max(len(entry.text) for entry in entries)
    return entries, max(1, min(len(entries), int(width_in / (0.45 + 0.075 * longest))))
