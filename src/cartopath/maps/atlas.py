"""The picture of an atlas: every tile a point, coloured by its score in one map and by its patient in the other (F57).

Scores run from blue (-1) over green (0) to red (+1), as in Rawat et al. 2020, figure 7. The numbers are those of the clusters
whose tiles the sheet shows (`cartopath.maps.atlas_sheet`).
"""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cartopath.maps.sheet import INK, MUTED, to_png

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SCORE_COLOURS = ((36, 84, 204), (52, 160, 76), (208, 36, 40))
"""Of scores -1, 0 and +1."""
_WIDTH_IN, _HEIGHT_IN, _DPI = 7.6, 4.1, 150
_GOLDEN_ANGLE = 0.618033988749895
_ROOM = 0.06


def score_colours(scores: ArrayLike) -> NDArray[np.float64]:
    """Return the colours of scores from -1 to +1, (n,) -> (n, 3) in 0..1; what lies beyond has the colour of the end.

    >>> (255 * score_colours([-1, 0, 1, 7])).round().astype(int).tolist()
    [[36, 84, 204], [52, 160, 76], [208, 36, 40], [208, 36, 40]]
    """
    values = np.clip(np.asarray(scores, dtype=np.float64), -1.0, 1.0)
    ends = np.asarray(SCORE_COLOURS, dtype=np.float64) / 255
    return np.stack([np.interp(values, (-1.0, 0.0, 1.0), ends[:, channel]) for channel in range(3)], axis=-1)


def patient_colours(patients: Sequence[str]) -> dict[str, tuple[float, float, float]]:
    """Return a colour for each patient: hues a golden angle apart, in order of name, so that few patients look different.

    >>> sorted(patient_colours(["b", "a", "b"]))
    ['a', 'b']
    """
    colours = {}
    for number, name in enumerate(sorted(set(patients))):
        lightness, saturation = (0.42, 0.58)[number % 2], (0.75, 0.55, 0.9)[number % 3]
        colours[name] = colorsys.hls_to_rgb(number * _GOLDEN_ANGLE % 1.0, lightness, saturation)
    return colours


def render_atlas(
    points: NDArray[np.floating],
    scores: ArrayLike,
    patients: Sequence[str],
    clusters: pd.DataFrame,
    *,
    title: str,
    note: str = "",
) -> bytes:
    """Return an atlas as PNG: two maps of the same points.

    Args:
        points: (n, 2) places of the tiles.
        scores: (n,) scores of the tiles, -1 to +1.
        patients: (n,) patients of the tiles.
        clusters: `cluster`, `x`, `y` of what is numbered; as of `cartopath.stats.atlas.AtlasClusters`.
        title: Printed above.
        note: Printed below: what the atlas is made from.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH_IN, _HEIGHT_IN), dpi=_DPI, facecolor="white")
    figure.text(0.02, 0.965, title, ha="left", va="center", fontsize=10, color=INK, parse_math=False)
    by_patient = patient_colours(patients)
    n_patients = len(by_patient)
    order = np.argsort(np.abs(np.asarray(scores, dtype=np.float64)), kind="stable")  # strong scores on top
    panels = (
        ("by score", score_colours(scores)),
        (f"by patient ({n_patients} patients, a colour each)", np.asarray([by_patient[name] for name in patients])),
    )
    for number, (name, colours) in enumerate(panels):
        axes = figure.add_axes((0.015 + 0.455 * number, 0.1, 0.445, 0.78))
        _scatter(axes, np.asarray(points)[order], colours[order], n=len(order))
        axes.set_title(name, fontsize=8, color=INK, loc="left", pad=4, parse_math=False)
        _number_clusters(axes, clusters)
    _colour_bar(figure, (0.935, 0.3, 0.014, 0.4))
    figure.text(0.02, 0.035, note, ha="left", va="center", fontsize=7, color=MUTED, parse_math=False)
    return to_png(figure)


def _scatter(axes: Axes, points: NDArray[np.floating], colours: NDArray[np.float64], *, n: int) -> None:
    axes.scatter(points[:, 0], points[:, 1], s=float(np.clip(9000 / max(n, 1), 2.5, 18)), c=colours, linewidths=0, alpha=0.85)
    low, high = points.min(axis=0), points.max(axis=0)
    room = _ROOM * np.maximum(high - low, 1e-9)
    axes.set(xlim=(low[0] - room[0], high[0] + room[0]), ylim=(low[1] - room[1], high[1] + room[1]), xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(color="#cccccc", linewidth=0.6)


def _number_clusters(axes: Axes, clusters: pd.DataFrame) -> None:
    box: dict[str, Any] = {"boxstyle": "circle,pad=0.18", "facecolor": "white", "edgecolor": INK, "linewidth": 0.6, "alpha": 0.9}
    for row in clusters.itertuples(index=False):
        axes.annotate(
            str(row.cluster),
            (row.x, row.y),
            xytext=(0, 11),
            textcoords="offset points",
            fontsize=6,
            color=INK,
            ha="center",
            va="center",
            bbox=box,
            arrowprops={"arrowstyle": "-", "linewidth": 0.6, "color": INK},
        )


def _colour_bar(figure: Figure, box: tuple[float, float, float, float]) -> None:
    axes = figure.add_axes(box)
    axes.imshow(score_colours(np.linspace(-1, 1, 101))[:, None, :], origin="lower", aspect="auto", extent=(0, 1, -1, 1))
    axes.set_xticks([])
    axes.yaxis.tick_right()
    axes.set_yticks([-1, 0, 1], ["\N{MINUS SIGN}1", "0", "+1"], fontsize=7, color=INK)
    axes.tick_params(length=2, width=0.5, color=MUTED)
    axes.set_title("score", fontsize=7, color=INK, pad=4)
    for spine in axes.spines.values():
        spine.set(linewidth=0.4, color=MUTED)
