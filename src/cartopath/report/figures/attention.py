"""Measured against predicted values of patients, one panel per trait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cartopath.report.figures import style


@dataclass(frozen=True, eq=False)
class PredictedPatients:
    """Test patients of one trait.

    Attributes:
        trait: Its name.
        unit: Of both axes.
        predicted: (n,) values.
        measured: (n,) values.
        label: What is written above, such as `r 0.62`.
        slope: Of the line of measured on predicted values; None where there is none.
        intercept: Of that line.
    """

    trait: str
    unit: str
    predicted: NDArray[np.float64]
    measured: NDArray[np.float64]
    label: str
    slope: float | None
    intercept: float | None


@style.drawn
def draw_predicted(traits: Sequence[PredictedPatients]) -> Figure:
    """Draw measured against predicted values; on the dashed line they are equal, the full line is fitted."""
    figure, axes = style.panels(len(traits), columns=4, height_in=2.5, width_in=2.4)
    for panel, one in zip(axes, traits, strict=True):
        together = np.concatenate([one.predicted, one.measured])
        margin = 0.05 * max(float(np.ptp(together)), 1e-9)
        ends = np.array([together.min() - margin, together.max() + margin])
        panel.plot(ends, ends, color=style.MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
        if one.slope is not None and one.intercept is not None:
            across = np.array([one.predicted.min(), one.predicted.max()])
            panel.plot(across, one.intercept + one.slope * across, color=style.VERMILION, linewidth=1.1)
        panel.scatter(
            one.predicted, one.measured, s=12 if len(one.predicted) < 150 else 5, color=style.BLUE, alpha=0.65, linewidths=0
        )
        panel.set(xlim=ends, ylim=ends, xlabel="predicted", ylabel="measured")
        panel.set_title(style.shortened(one.trait, length=18))
        panel.set_title(one.label, loc="right", color=style.MUTED, fontweight="normal", fontsize=7.5)
    return figure
