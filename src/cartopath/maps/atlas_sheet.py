"""The sheet of an atlas: the tiles nearest to the centre of every chosen cluster, each of another patient (F57)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cartopath.maps.atlas import score_colours
from cartopath.maps.sheet import INK, MUTED, legend_colour, to_png

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TILE_IN, _GAP_IN, _CAPTION_IN = 0.72, 0.06, 0.2
_HEAD_IN, _FOOT_IN, _NUMBER_IN, _BETWEEN_IN = 0.62, 0.28, 0.42, 0.28
_DPI = 130
_NAME_LENGTH = 24
_MOST_PT, _LINE_PT = 5.4, 94.0
"""Size of the letters below a tile: as large as a name of so many points in all allows."""


@dataclass(frozen=True, eq=False)
class SheetTile:
    """One tile of the sheet.

    Attributes:
        pixels: uint8 (side, side, 3).
        patient_id: Whose it is; printed below it, shortened in the middle where it is long.
        score: Of the tile, -1 to +1; the colour of its frame.
    """

    pixels: NDArray[np.uint8]
    patient_id: str
    score: float


@dataclass(frozen=True, eq=False)
class SheetCluster:
    """One row of the sheet.

    Attributes:
        number: Of the cluster, as on the atlas.
        side: `negative` or `positive`: the left or the right half of the sheet.
        mean_score: Of all its tiles.
        tiles: Those that are shown, the nearest to its centre first.
    """

    number: int
    side: str
    mean_score: float
    tiles: tuple[SheetTile, ...]


def render_atlas_sheet(clusters: Sequence[SheetCluster], *, title: str, tile_um: float) -> bytes:
    """Return the sheet as PNG: negative clusters in the left half, positive ones in the right.

    Args:
        clusters: In the order of their numbers.
        title: Printed above.
        tile_um: Side of a tile in micrometres, printed below.
    """
    from matplotlib.figure import Figure

    halves = [[cluster for cluster in clusters if cluster.side == side] for side in ("negative", "positive")]
    n_rows = max(1, *(len(half) for half in halves))
    n_tiles = max([1, *(len(cluster.tiles) for cluster in clusters)])
    half_in = _NUMBER_IN + n_tiles * (_TILE_IN + _GAP_IN)
    row_in = _TILE_IN + _CAPTION_IN + _GAP_IN
    width, height = 2 * half_in + _BETWEEN_IN + 0.2, _HEAD_IN + n_rows * row_in + _FOOT_IN
    figure = Figure(figsize=(width, height), dpi=_DPI, facecolor="white")
    _write(figure, 0.12, height - 0.2, title, size=10)
    for side, half in enumerate(halves):
        left = 0.1 + side * (half_in + _BETWEEN_IN)
        _write(figure, left, height - 0.48, f"most {('negative', 'positive')[side]} clusters", size=8, colour=MUTED)
        for row, cluster in enumerate(half):
            _draw_cluster(figure, cluster, left, height - _HEAD_IN - row * row_in)
    note = f"each tile {tile_um:.0f} µm wide, of another patient within its row; frame and number: score of the tile"
    _write(figure, 0.12, 0.13, note, size=6.5, colour=MUTED)
    return to_png(figure)


def _draw_cluster(figure: Figure, cluster: SheetCluster, left: float, top: float) -> None:
    _write(figure, left, top - 0.26, str(cluster.number), size=10)
    _write(figure, left, top - 0.45, f"{cluster.mean_score:+.2f}", size=6.5, colour=MUTED)
    for number, tile in enumerate(cluster.tiles):
        _draw_tile(figure, tile, left + _NUMBER_IN + number * (_TILE_IN + _GAP_IN), top)


def _draw_tile(figure: Figure, tile: SheetTile, left: float, top: float) -> None:
    width, height = figure.get_size_inches()
    axes = figure.add_axes((left / width, (top - _TILE_IN) / height, _TILE_IN / width, _TILE_IN / height))
    axes.imshow(tile.pixels, interpolation="antialiased")
    axes.set(xticks=[], yticks=[])
    frame = legend_colour((255 * score_colours([tile.score])[0]).astype(np.uint8))
    for spine in axes.spines.values():
        spine.set(color=frame, linewidth=1.6)
    name = shortened(tile.patient_id)
    size = min(_MOST_PT, _LINE_PT / max(1, len(name)))
    _write(figure, left + _TILE_IN / 2, top - _TILE_IN - 0.06, name, size=size, centre=True)
    _write(figure, left + _TILE_IN / 2, top - _TILE_IN - 0.14, f"{tile.score:+.2f}", size=size, colour=MUTED, centre=True)


def shortened(name: str) -> str:
    """Return a name that fits below a tile, with dots in the middle where it is long.

    >>> shortened("TCGA-A1-A0SB-01Z-00-DX1")
    'TCGA-A1-A0SB-01Z-00-DX1'
    >>> shortened("a_very_long_name_of_a_slide_0001")
    'a_very_long_...lide_0001'
    """
    if len(name) <= _NAME_LENGTH:
        return name
    kept = _NAME_LENGTH - 3
    return f"{name[: kept - kept // 2 + 1]}...{name[len(name) - kept // 2 + 1 :]}"


def _write(figure: Figure, x: float, y: float, text: str, *, size: float, colour: str = INK, centre: bool = False) -> None:
    """Write text whose left end, or middle, is at (x, y) inches."""
    width, height = figure.get_size_inches()
    align = "center" if centre else "left"
    figure.text(x / width, y / height, text, ha=align, va="center", fontsize=size, color=colour, parse_math=False)
