"""Receptor heat maps: the score of each tile from -1, black, over 0, grey, to +1, white (Rawat et al. 2020, figure 6; F55).

White and black are scores, so places without tissue are a pale blue that no score has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cartopath.core.errors import ArtifactError
from cartopath.core.geometry import SizeUm
from cartopath.maps.sheet import (
    INK,
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
    from matplotlib.figure import Figure

NO_TISSUE = (207, 226, 243)
"""Colour of places without tissue."""
_SIDE_IN = 1.25


def receptor_scores(scores: ArrayLike) -> NDArray[np.float64]:
    """Return what the head said, -1 (negative) to +1 (positive), from what the score files hold, (s + 1) / 2.

    >>> receptor_scores([0.0, 0.5, 1.0]).tolist()
    [-1.0, 0.0, 1.0]
    """
    return np.asarray(scores, dtype=np.float64) * 2.0 - 1.0


def receptor_colours(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return the colours of a receptor map.

    Args:
        values: (rows, cols) from -1 to +1, NaN without tissue.

    Returns:
        (rows, cols, 3) uint8.

    Raises:
        ArtifactError: The shape is another, or a value lies outside -1 to +1.

    >>> receptor_colours(np.array([[-1.0, 0.0, 1.0, np.nan]]))[0].tolist()
    [[0, 0, 0], [128, 128, 128], [255, 255, 255], [207, 226, 243]]
    """
    scores = np.asarray(values, dtype=np.float64)
    if scores.ndim != 2 or 0 in scores.shape:
        raise ArtifactError(f"receptor_colours: expected values of shape (rows, cols), found {scores.shape}")
    known = ~np.isnan(scores)
    if (np.abs(scores[known]) > 1).any():
        wrong = scores[known][np.abs(scores[known]) > 1][0]
        raise ArtifactError(f"receptor_colours: scores lie between -1 and +1, found {wrong:g}; score files hold (s + 1) / 2")
    grey = np.floor((np.where(known, scores, 0.0) + 1.0) / 2.0 * 255.0 + 0.5).astype(np.uint8)
    return np.where(known[..., None], grey[..., None], np.asarray(NO_TISSUE, dtype=np.uint8))


def render_receptor_map(
    values: NDArray[np.floating], *, trait: str, tile_um: float, title: str = "", thumbnail: Thumbnail | None = None
) -> bytes:
    """Draw the receptor map of a slide beside its tissue, with a scale bar and the scale of scores.

    Args:
        values: (rows, cols) scores from -1 to +1, NaN without tissue.
        trait: What is scored.
        tile_um: Side of a tile in micrometres.
        title: Printed above, such as the slide's id.
        thumbnail: Draw the tissue beside the map.

    Returns:
        PNG; equal input gives equal bytes.

    Raises:
        ArtifactError: The shape does not fit, or a value lies outside -1 to +1.
    """
    cells = receptor_colours(values)
    extent = widened(tissue_extent(~np.isnan(values), tile_um))
    heading = "   ".join(part for part in (trait, title) if part)
    figure, axes = map_sheet(extent, n_maps=1 if thumbnail is None else 2, side_in=_SIDE_IN, title=heading, tile_um=tile_um)
    if thumbnail is not None:
        draw_slide(axes[0], thumbnail.image, SizeUm(thumbnail.width_um, thumbnail.height_um))
    draw_receptor_cells(axes[-1], cells, tile_um)
    box = axes[-1].get_position()
    width, height = figure.get_size_inches()
    draw_receptor_key(figure, (box.x1 * width + 0.15, box.y1 * height), label=f"{trait} score")
    return to_png(figure)


def draw_receptor_cells(axes: Axes, cells: NDArray[np.uint8], tile_um: float) -> Any:
    """Draw the colours of a receptor map on axes in micrometres, on the colour of no tissue."""
    axes.set_facecolor(legend_colour(np.asarray(NO_TISSUE, dtype=np.uint8)))
    return draw_grid(axes, cells, tile_um)


def draw_receptor_key(figure: Figure, at_in: tuple[float, float], *, label: str, height_in: float = 1.5) -> None:
    """Draw the scale of scores and, below it, what the colour of no tissue means; `at_in` is the upper left corner in inches."""
    width, height = figure.get_size_inches()
    axes = figure.add_axes((at_in[0] / width, (at_in[1] - height_in) / height, 0.14 / width, height_in / height))
    ramp = np.linspace(1.0, -1.0, 256)[:, None]
    axes.imshow(receptor_colours(ramp), extent=(0.0, 1.0, -1.0, 1.0), aspect="auto", interpolation="nearest")
    axes.set_xticks([])
    axes.yaxis.tick_right()
    axes.yaxis.set_label_position("right")
    axes.set_yticks([-1, -0.5, 0, 0.5, 1], ["−1", "−0.5", "0", "+0.5", "+1"], fontsize=8, color=INK)
    axes.set_ylabel(label, fontsize=8, color=INK, parse_math=False)
    for spine in axes.spines.values():
        spine.set(color="#999999", linewidth=0.5)
    entry = LegendEntry(legend_colour(np.asarray(NO_TISSUE, dtype=np.uint8)), "no tissue")
    draw_legend(figure, (at_in[0], at_in[1] - height_in - 0.18), [entry])
