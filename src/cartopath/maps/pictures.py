"""Pictures of one slide: the map of a trait, and the heterogeneity map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import ArtifactError
from cartopath.core.geometry import SizeUm
from cartopath.maps.heterogeneity_map import NO_TISSUE, HeterogeneityMap
from cartopath.maps.sheet import (
    LegendEntry,
    draw_grid,
    draw_legend,
    draw_slide,
    legend_colour,
    map_sheet,
    tissue_extent,
    to_png,
    widened,
)
from cartopath.maps.thumbnail import Thumbnail

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_LEGEND = 15
_COLOUR_MAP = "viridis"
_LEGEND_CHARACTERS = 34


def render_trait_map(
    values: NDArray[np.floating],
    *,
    trait: str,
    tile_um: float,
    title: str = "",
    thumbnail: Thumbnail | None = None,
    positive: NDArray[np.floating] | None = None,
    value_name: str = "score",
) -> bytes:
    """Draw the cartography of one trait.

    The scale always runs from 0 to 1, whatever the slide holds, in colours of even perceptual steps. Places without tissue are
    white, tiles that score 0 are dark: the two cannot be confused.

    Args:
        values: (rows, cols) scores from 0 to 1, NaN without tissue.
        trait: Name of the trait.
        tile_um: Side of a tile in micrometres.
        title: Printed above, such as the slide's id.
        thumbnail: Draw the tissue beside the map.
        positive: (rows, cols) votes, 1 where the ensemble calls a tile positive: these regions are outlined.
        value_name: What the values are, for the colour bar.

    Returns:
        PNG; equal input gives equal bytes.

    Raises:
        ArtifactError: A shape does not fit, or a value lies outside 0 to 1.
    """
    from matplotlib.lines import Line2D

    scores = np.asarray(values, dtype=np.float64)
    _check_map(scores, positive)
    extent = widened(tissue_extent(~np.isnan(scores), tile_um))
    figure, axes = map_sheet(
        extent, n_maps=1 if thumbnail is None else 2, side_in=1.1, title=_joined(trait, title), tile_um=tile_um
    )
    if thumbnail is not None:
        draw_slide(axes[0], thumbnail.image, SizeUm(thumbnail.width_um, thumbnail.height_um))
    drawn = draw_grid(axes[-1], np.ma.masked_invalid(scores), tile_um, cmap=_COLOUR_MAP, vmin=0.0, vmax=1.0)
    box = axes[-1].get_position()
    total_width, total_height = figure.get_size_inches()
    bar = figure.add_axes((box.x1 + 0.2 / total_width, box.y0, 0.14 / total_width, min(box.height, 2.4 / total_height)))
    figure.colorbar(drawn, cax=bar, ticks=[0, 0.25, 0.5, 0.75, 1])
    bar.set_ylabel(f"{trait} {value_name}", fontsize=8, parse_math=False)
    bar.tick_params(labelsize=7, length=2)
    if positive is not None:
        _outline(axes[-1], np.asarray(positive) == 1, tile_um)
        handle = Line2D([], [], color="#e8442a", linewidth=1.2, label="called positive")
        figure.legend(
            handles=[handle],
            loc="lower right",
            bbox_to_anchor=(1 - 0.1 / total_width, 0.1 / total_height),
            frameon=False,
            fontsize=8,
            borderaxespad=0,
        )
    return to_png(figure)


def render_heterogeneity_map(
    mapped: HeterogeneityMap, *, tile_um: float, title: str = "", thumbnail: Thumbnail | None = None
) -> bytes:
    """Draw the heterogeneity map of a slide with its legend.

    Colours mean the same on every slide. Places without tissue are white (with a thumbnail: its faded grey), negative tiles light
    grey. The legend gives each combination's share of the tiles: for two traits all of them, for more those that occur, most
    frequent first.

    Args:
        mapped: The map.
        tile_um: Side of a tile in micrometres.
        title: Printed above, such as the slide's id and HTI.
        thumbnail: Draw the tissue beside the map and faded below it.

    Returns:
        PNG; equal input gives equal bytes.
    """
    extent = widened(tissue_extent(mapped.index != NO_TISSUE, tile_um))
    entries, notes = legend_entries(mapped)
    longest = max(len(text) for text in [*(entry.text for entry in entries), *notes])
    figure, axes = map_sheet(
        extent, n_maps=1 if thumbnail is None else 2, side_in=0.5 + 0.075 * longest, title=title, tile_um=tile_um
    )
    if thumbnail is not None:
        size = SizeUm(thumbnail.width_um, thumbnail.height_um)
        draw_slide(axes[0], thumbnail.image, size)
        draw_slide(axes[1], thumbnail.faded(), size)
    draw_grid(axes[-1], mapped.rgba(), tile_um, zorder=1)
    box = axes[-1].get_position()
    total_width, total_height = figure.get_size_inches()
    draw_legend(figure, (box.x1 * total_width + 0.15, box.y1 * total_height), entries, notes=notes)
    return to_png(figure)


def legend_entries(mapped: HeterogeneityMap) -> tuple[list[LegendEntry], list[str]]:
    """Return the entries of a map's legend, with shares of its tiles, and the notes below them."""
    counts = mapped.counts()
    total = max(int(counts.sum()), 1)
    codes = [1, 2, 3] if len(mapped.traits) == 2 else list(mapped.present())
    shown = [*codes[:MAX_LEGEND], 0]
    entries = [
        LegendEntry(legend_colour(mapped.colours[code]), f"{_short(mapped.names[code])}  {counts[code] / total:.0%}")
        for code in shown
    ]
    rest = codes[MAX_LEGEND:]
    notes = [f"and {len(rest)} rarer combinations  {counts[rest].sum() / total:.0%}"] if rest else []
    return entries, [*notes, f"{counts.sum():,} tiles"]


def _check_map(scores: NDArray[np.float64], positive: NDArray[np.floating] | None) -> None:
    if scores.ndim != 2 or 0 in scores.shape:
        raise ArtifactError(f"render_trait_map: expected values of shape (rows, cols), found {scores.shape}")
    known = scores[~np.isnan(scores)]
    if ((known < 0) | (known > 1)).any():
        raise ArtifactError(f"render_trait_map: scores lie between 0 and 1, found {known.min():g} to {known.max():g}")
    if positive is not None and np.shape(positive) != scores.shape:
        raise ArtifactError(f"render_trait_map: votes have shape {np.shape(positive)}, values {scores.shape}")


def _outline(axes: Axes, positive: NDArray[np.bool_], tile_um: float) -> None:
    """Draw the borders between positive and other tiles."""
    from matplotlib.collections import LineCollection

    padded = np.pad(positive, 1)
    rows, cols = np.nonzero(padded[1:, 1:-1] != padded[:-1, 1:-1])
    across = np.stack([np.column_stack([cols, rows]), np.column_stack([cols + 1, rows])], axis=1)
    rows, cols = np.nonzero(padded[1:-1, 1:] != padded[1:-1, :-1])
    down = np.stack([np.column_stack([cols, rows]), np.column_stack([cols, rows + 1])], axis=1)
    segments = np.concatenate([across, down]) * tile_um  # (n, 2 ends, x and y)
    axes.add_collection(LineCollection(list(segments), colors="#e8442a", linewidths=1.0, capstyle="projecting"), autolim=False)


def _joined(*parts: str) -> str:
    return "   ".join(part for part in parts if part)


def _short(text: str) -> str:
    return text if len(text) <= _LEGEND_CHARACTERS else f"{text[: _LEGEND_CHARACTERS - 1]}…"
