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
_ENDS = (0.01, 0.99)
"""Weights are coloured from what a hundredth of the tiles lie below to what a hundredth of the weight lies above, so that the
tiles of a head that looks at few of them keep colours of their own. What lies beyond has the last colour."""
_EVEN = 1.001
"""Weights of which the largest is less than this times the smallest are all alike."""
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

    Values are blue below the training mean, white at it and red above; these colours mean the same on every slide. Weights are
    drawn as multiples of what each tile would weigh if all weighed the same, on a logarithmic scale that spans the slide's own
    weights, so that a head that hardly prefers any tile still shows which; the key says how far apart its ends are.

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
    relative = np.asarray(weights, dtype=np.float64) * is_tissue.sum()
    low, high = weight_range(relative[is_tissue])
    shown = np.ma.masked_array(np.log2(np.clip(np.where(is_tissue, relative, 1), low, high)), mask=~is_tissue)
    weighed = draw_grid(axes[-1], shown, tile_um, cmap=_WEIGHTS, vmin=np.log2(low), vmax=np.log2(high))
    for one in axes:
        _frame(one, hotspots, tile_um)
    _keys(figure, axes[-1], drawn, weighed, ends=(low, high), unit=unit)
    width, height = figure.get_size_inches()
    words = "   ".join(part for part in ("framed: hotspots", "weights: this slide's own range", note) if part)
    figure.text(1 - 0.2 / width, 0.18 / height, words, ha="right", va="center", fontsize=7.5, color=INK, parse_math=False)
    return to_png(figure)


def weight_range(relative: NDArray[np.float64]) -> tuple[float, float]:
    """Return from which to which weight tiles are coloured.

    Args:
        relative: (n_tiles,) weights as multiples of even ones.

    Returns:
        The 1st percentile of tiles and the 99th of weight, positive and apart; weights that are all alike lie in the middle.

    >>> weight_range(np.linspace(0.5, 1.5, 101))
    (0.51, 1.5)
    >>> weight_range(np.repeat([0.0, 50.0], [98, 2]))
    (0.048828125, 50.0)
    >>> weight_range(np.ones(9))
    (0.5, 2.0)
    """
    ordered = np.sort(relative)
    mass = np.cumsum(ordered)
    high = float(ordered[np.searchsorted(mass, _ENDS[1] * mass[-1])])
    low = max(float(np.quantile(relative, _ENDS[0])), high * 2.0**-10)
    return (low, high) if high > _EVEN * low else (low / 2, high * 2)


def weight_ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Return where the key of weights has marks, as logarithms to base 2, and what they say: both ends, and even weights.

    >>> weight_ticks(0.25, 4.0)
    [(-2.0, '0.25'), (0.0, '1'), (2.0, '4')]
    >>> [text for _, text in weight_ticks(0.98, 1.014)]
    ['0.98', '1', '1.01']
    """
    start, end = float(np.log2(low)), float(np.log2(high))
    room = 0.15 * (end - start)
    middle = [(0.0, "1")] if start + room < 0 < end - room else []
    return [(start, _multiple(low)), *middle, (end, _multiple(high))]


def _multiple(of_even: float) -> str:
    return f"{of_even:.0f}" if of_even >= 10 else f"{of_even:.3g}" if 0.9 < of_even < 1.1 else f"{of_even:.2g}"


def _keys(figure: Figure, axes: Axes, values: Any, weights: Any, *, ends: tuple[float, float], unit: str) -> None:
    """Draw both scales at the right of the last map, one above the other."""
    box = axes.get_position()
    width, height = figure.get_size_inches()
    tall = min(1.35, (box.height * height - 0.3) / 2)
    left, low = box.x1 + 0.2 / width, box.y0
    of_values = [(-_SPAN, f"−{_SPAN:g}"), (0.0, "0"), (_SPAN, f"+{_SPAN:g}")]
    for artist, bottom, ticks, label in (
        (values, low + (tall + 0.3) / height, of_values, f"predicted ({unit})"),
        (weights, low, weight_ticks(*ends), "weight, × even"),
    ):
        bar = figure.add_axes((left, bottom, _BAR_IN / width, tall / height))
        figure.colorbar(artist, cax=bar)
        bar.set_yticks([at for at, _ in ticks], [name for _, name in ticks], fontsize=7, color=INK)
        bar.tick_params(length=2, which="major")
        bar.set_ylabel(label, fontsize=8, color=INK, parse_math=False)


def _frame(axes: Axes, hotspots: NDArray[np.bool_], tile_um: float) -> None:
    """Draw a frame around each hotspot."""
    from matplotlib.collections import LineCollection

    rows, cols = np.nonzero(hotspots)
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]])
    frames = (np.column_stack([cols, rows])[:, None, :] + corners) * tile_um  # (n, 5, x and y)
    axes.add_collection(LineCollection(list(frames), colors=_HOT, linewidths=1.4), autolim=False)
