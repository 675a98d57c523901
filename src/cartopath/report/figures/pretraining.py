"""How encoders learned to tell regions of slides apart: accuracy on right halves, which none of them was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cartopath.report.figures import style

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class EncoderCurve:
    """The training of one encoder.

    Attributes:
        name: For the legend.
        chunk: (n,) rising.
        accuracy: (n,) on tiles of right halves.
        distance: (n,) of the fingerprints of a tile in two styles, 0 to 4; NaN without styles.
        best: Chunk whose weights were kept, NaN if none is known.
        chance: Accuracy of guessing.
    """

    name: str
    chunk: Floats
    accuracy: Floats
    distance: Floats
    best: float
    chance: float


@style.drawn
def draw_pretraining(curves: Sequence[EncoderCurve]) -> Figure:
    """Draw accuracy by chunk, and beside it the distance between styles where pairs of styles were trained on."""
    has_distance = any(np.isfinite(curve.distance).any() for curve in curves)
    figure, axes = style.panels(2 if has_distance else 1, columns=2, height_in=2.7, width_in=4.0)
    for number, curve in enumerate(curves):
        colour = style.SERIES[number % len(style.SERIES)]
        axes[0].plot(curve.chunk, curve.accuracy, color=colour, label=style.shortened(curve.name))
        kept = curve.chunk == curve.best
        axes[0].plot(curve.chunk[kept], curve.accuracy[kept], "o", color=colour, markersize=5)
        if has_distance:
            axes[1].plot(curve.chunk, curve.distance, color=colour)
    axes[0].axhline(curves[0].chance, color=style.INK, linewidth=1, linestyle=(0, (3, 2)), label="chance")
    axes[0].set_ylim(-0.02, 1.02)
    axes[0].set_ylabel("accuracy on right halves")
    axes[0].legend(loc="upper left", fontsize=7, handlelength=1.4, borderpad=0.1)
    if has_distance:
        axes[1].set_ylabel("distance between styles")
        axes[1].set_ylim(bottom=0)
    for panel in axes:
        panel.set_xlabel("chunk")
        panel.grid(axis="y")
    return figure
