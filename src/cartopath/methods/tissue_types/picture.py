"""The picture of a slide's types of tissue: the slide beside a map in which every tile has the colour of its type."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.core.geometry import SizeUm
from cartopath.maps import Thumbnail
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

_COLOURS = {
    "background": (222, 226, 230),
    "epithelium": (126, 62, 158),
    "stroma": (240, 140, 170),
    "fat": (248, 206, 96),
}
_OTHERS = ((70, 150, 160), (150, 110, 60), (90, 90, 90), (120, 170, 60), (60, 90, 180), (200, 80, 40))
_LEGEND_IN = 1.7


def type_colours(types: Sequence[str]) -> NDArray[np.uint8]:
    """Return the colour of each type, (n_types, 3): always the same for those of the paper, in turn for others.

    >>> type_colours(["fat", "necrosis"]).tolist()
    [[248, 206, 96], [70, 150, 160]]
    """
    others = [name for name in types if name not in _COLOURS]
    own = {name: _OTHERS[number % len(_OTHERS)] for number, name in enumerate(others)}
    return np.array([(_COLOURS | own)[name] for name in types], dtype=np.uint8)


def render_tissue_types(
    table: pd.DataFrame,
    types: Sequence[str],
    *,
    n_rows: int,
    n_cols: int,
    tile_um: float,
    title: str,
    thumbnail: Thumbnail,
) -> bytes:
    """Return the picture as PNG; places without tiles are white.

    Args:
        table: `col`, `row`, `type` of the tiles.
        types: All types of the model, for the legend, which gives the share of the tiles of each.
        n_rows: Rows of the tile grid.
        n_cols: Columns of the tile grid.
        tile_um: Side of a tile in micrometres.
        title: Printed above.
        thumbnail: The slide.
    """
    colours = type_colours(types)
    number = table["type"].map({name: i for i, name in enumerate(types)}).to_numpy(dtype=np.int64)
    cells = np.full((n_rows, n_cols, 3), 255, np.uint8)
    cells[table["row"], table["col"]] = colours[number]
    is_tile = np.zeros((n_rows, n_cols), bool)
    is_tile[table["row"], table["col"]] = True
    extent = widened(tissue_extent(is_tile, tile_um))
    figure, axes = map_sheet(extent, n_maps=2, side_in=_LEGEND_IN, title=title, tile_um=tile_um)
    draw_slide(axes[0], thumbnail.image, SizeUm(thumbnail.width_um, thumbnail.height_um))
    draw_grid(axes[1], cells, tile_um)
    shares = np.bincount(number, minlength=len(types)) / max(1, len(number))
    entries = [
        LegendEntry(legend_colour(colour), f"{name}  {share:.0%}")
        for name, colour, share in zip(types, colours, shares, strict=True)
    ]
    box, size = axes[1].get_position(), figure.get_size_inches()
    draw_legend(figure, (box.x1 * size[0] + 0.2, box.y1 * size[1]), entries, notes=[f"{len(table):,} tiles of {tile_um:.0f} µm"])
    return to_png(figure)
