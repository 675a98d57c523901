"""Genes as they were measured beside what was mapped, section by section."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.methods.spatial.scoring import Scores, measured
from cartopath.methods.spatial.section import Section

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DPI, _CELL_IN, _LEFT_IN, _TOP_IN, _GAP_IN = 100, 1.28, 0.95, 0.45, 0.04
_MOST_SECTIONS = 4
_OVERLAP = 1.15
"""Squares of spots reach under each other, or rounding leaves white lines."""
_INK, _MUTED = "#222222", "#666666"


def sheet_of_genes(sections: Sequence[Section], maps: Mapping[str, pd.DataFrame], scores: Scores, genes: Sequence[str]) -> bytes:
    """Return a PNG with one row per gene: measured and mapped, side by side, of each section.

    Every panel has its own scale, from the 2nd to the 98th percentile of its spots, as correlation does.

    Args:
        sections: What was measured; the first four are shown.
        maps: Spots x genes of each.
        scores: Of these maps.
        genes: Which, from top to bottom.
    """
    from matplotlib.figure import Figure

    shown = list(sections)[:_MOST_SECTIONS]
    width = _LEFT_IN + 2 * len(shown) * (_CELL_IN + _GAP_IN)
    height = _TOP_IN + len(genes) * (_CELL_IN + _GAP_IN)
    figure = Figure(figsize=(width, height), dpi=_DPI, facecolor="white")
    for column, section in enumerate(shown):
        truth = measured(section, genes)
        left = _LEFT_IN + 2 * column * (_CELL_IN + _GAP_IN)
        middle = (left + _CELL_IN) / width
        figure.text(middle, 1 - 0.14 / height, section.name, ha="center", va="center", fontsize=10, color=_INK)
        for side, (word, values) in enumerate((("measured", truth), ("mapped", maps[section.name]))):
            start = left + side * (_CELL_IN + _GAP_IN)
            centre = (start + _CELL_IN / 2) / width
            figure.text(centre, 1 - 0.33 / height, word, ha="center", va="center", fontsize=7, color=_MUTED)
            for row, gene in enumerate(genes):
                bottom = height - _TOP_IN - (row + 1) * (_CELL_IN + _GAP_IN)
                axes = figure.add_axes((start / width, bottom / height, _CELL_IN / width, _CELL_IN / height))
                _draw(axes, section, values[gene].to_numpy(float))
                if side:
                    r = f"r {scores.r.loc[gene, section.name]:.2f}"
                    axes.text(0.98, 0.02, r, transform=axes.transAxes, ha="right", va="bottom", fontsize=7, color=_INK)
    for row, gene in enumerate(genes):
        bottom = height - _TOP_IN - (row + 0.5) * (_CELL_IN + _GAP_IN)
        figure.text(0.06 / width, bottom / height, gene, ha="left", va="center", fontsize=9, color=_INK)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _draw(axes: Axes, section: Section, values: NDArray[np.float64]) -> None:
    low, high = np.percentile(values, [2, 98])
    extent = np.ptp(section.centres_px, axis=0).max() + 2 * section.pitch_px
    side = _OVERLAP * _CELL_IN * 72 * section.pitch_px / extent
    axes.scatter(
        section.centres_px[:, 0], section.centres_px[:, 1], c=values, s=side**2, marker="s", linewidths=0, cmap="viridis",
        vmin=low, vmax=max(high, low + 1e-9),
    )  # fmt: skip
    middle = (section.centres_px.max(axis=0) + section.centres_px.min(axis=0)) / 2
    axes.set_xlim(middle[0] - extent / 2, middle[0] + extent / 2)
    axes.set_ylim(middle[1] + extent / 2, middle[1] - extent / 2)
    axes.set_axis_off()
