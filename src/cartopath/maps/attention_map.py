"""Where a head looks: the value that it gives each tile and the weight that the tile has, beside the tissue (F68)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import ArtifactError
from cartopath.core.geometry import SizeUm
from cartopath.maps.sheet import INK, draw_grid, draw_slide, map_sheet, tissue_extent, to_png, widened
from cartopath.maps.thumbnail import Thumbnail

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_VALUES, _WEIGHTS = "RdBu_r", "inferno"
_FOLD = 32.0
"""Weights are coloured from a 32nd of the average to 32 times the average, on a logarithmic scale."""
_SPAN = 3.0
"""Values are coloured from so far below the training mean to so far above; what lies beyond has the last colour."""
_SIDE_IN, _BAR_IN = 1.6, 0.12
_HOT = "#18c8d8"


def render_attention_map(
    values: NDArray[np.floating],
    weights: NDArray[np.floating],
    hotspots: NDArray[np.bool_],
    *,
    trait: str,
    tile_um: float,
    title: str = "",
    note: str = "",
    unit: str = "σ",
    thumbnail: Thumbnail | None = None,
) -> bytes:
    """Draw tissue, predicted values and attention side by side, with the hotspots framed in each.

    Values are blue below the training mean, white at it and red above. Weights are drawn relative to those of an average tile, on
    a logarithmic scale. Colours mean the same on every slide.

    Args:
        values: (rows, cols), 0 the training mean, NaN without tissue.
        weights: (rows, cols) summing to 1 over the tissue, NaN without.
        hotspots: (rows, cols) whether a tile is a hotspot.
        trait: What is predicted.
        tile_um: Side of a tile in micrometres.
        title: Printed above, such as the slide's id.
        note: Printed below.
        unit: Of the values: deviations from the training mean (σ), or logit.
        thumbnail: Draw the tissue too.

    Returns:
        PNG; equal input gives equal bytes.

    Raises:
        ArtifactError: Shapes differ, or weights do not sum to 1.
    """
    if not np.shape(values) == np.shape(weights) == np.shape(hotspots) or np.ndim(values) != 2:
        raise ArtifactError(f"render_attention_map: shapes differ: {np.shape(values)}, {np.shape(weights)}, {np.shape(hotspots)}")
    total = float(np.nansum(weights))
    if not abs(total - 1) < 1e-3:
        raise ArtifactError(f"render_attention_map: the weights of a slide sum to 1, found {total:.4g}")
    is_tissue = ~np.isnan(values)
    n_maps = 2 if thumbnail is None else 3
    extent = widened(tissue_extent(is_tissue, tile_um))
    heading = "   ".join(part for part in (trait, title) if part)
    figure, axes = map_sheet(extent, n_maps=n_maps, side_in=_SIDE_IN, title=heading, tile_um=tile_um)
    if thumbnail is not None:
        draw_slide(axes[0], thumbnail.image, SizeUm(thumbnail.width_um, thumbnail.height_um))
    drawn = draw_grid(axes[-2], np.ma.masked_invalid(values), tile_um, cmap=_VALUES, vmin=-_SPAN, vmax=_SPAN)
    with np.errstate(divide="ignore"):
        relative = np.log2(np.asarray(weights, dtype=np.float64) * is_tissue.sum())
    limit = np.log2(_FOLD)
    shown = np.ma.masked_array(np.clip(relative, -limit, limit), mask=~is_tissue)
    weighed = draw_grid(axes[-1], shown, tile_um, cmap=_WEIGHTS, vmin=-limit, vmax=limit)
    for one in axes:
        _frame(one, hotspots, tile_um)
    _keys(figure, axes[-1], drawn, weighed, limit=limit, unit=unit)
    width, height = figure.get_size_inches()
    words = "   ".join(part for part in ("framed: hotspots", note) if part)
    figure.text(1 - 0.2 / width, 0.18 / height, words, ha="right", va="center", fontsize=7.5, color=INK, parse_math=False)
    return to_png(figure)


def _keys(figure: Figure, axes: Axes, values: Any, weights: Any, *, limit: float, unit: str) -> None:
    """Draw both scales at the right of the last map, one above the other."""
    box = axes.get_position()
    width, height = figure.get_size_inches()
    tall = min(1.35, (box.height * height - 0.3) / 2)
    left, low = box.x1 + 0.2 / width, box.y0
    for artist, bottom, ticks, names, label in (
        (values, low + (tall + 0.3) / height, [-_SPAN, 0, _SPAN], [f"−{_SPAN:g}", "0", f"+{_SPAN:g}"], f"predicted ({unit})"),
        (weights, low, [-limit, 0, limit], [f"1/{_FOLD:g}", "1", f"{_FOLD:g}"], "weight ×"),
    ):
        bar = figure.add_axes((left, bottom, _BAR_IN / width, tall / height))
        figure.colorbar(artist, cax=bar)
        bar.set_yticks(ticks, names, fontsize=7, color=INK)
        bar.tick_params(length=2)
        bar.set_ylabel(label, fontsize=8, color=INK, parse_math=False)


def _frame(axes: Axes, hotspots: NDArray[np.bool_], tile_um: float) -> None:
    """Draw a frame around each hotspot."""
    from matplotlib.collections import LineCollection

    rows, cols = np.nonzero(hotspots)
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]])
    frames = (np.column_stack([cols, rows])[:, None, :] + corners) * tile_um  # (n, 5, x and y)
    axes.add_collection(LineCollection(list(frames), colors=_HOT, linewidths=1.4), autolim=False)
