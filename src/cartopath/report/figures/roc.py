"""ROC curves of the ensemble, one panel per trait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cartopath.report.figures import style


@dataclass(frozen=True)
class RocCurve:
    """One curve: false and true positive rates (n,), and the text of its legend."""

    set_name: str
    false_positive: NDArray[np.float64]
    true_positive: NDArray[np.float64]
    label: str


@style.drawn
def draw_roc_curves(curves: Sequence[tuple[str, Sequence[RocCurve]]]) -> Figure:
    """Draw one square panel per trait with the curves of its sets.

    Args:
        curves: (trait, its curves) in the order of the panels.
    """
    figure, axes = style.panels(
        len(curves), columns=4 if len(curves) > 3 else 3, height_in=2.75, width_in=2.4 if len(curves) > 3 else 2.9
    )
    for panel, (trait, of_trait) in zip(axes, curves, strict=True):
        panel.plot([0, 1], [0, 1], color=style.RULE, linewidth=1)
        for curve in of_trait:
            colour = style.SETS.get(curve.set_name, style.MUTED)
            panel.plot(curve.false_positive, curve.true_positive, color=colour, label=curve.label, solid_joinstyle="miter")
        panel.set_title(style.shortened(trait))
        panel.set_aspect("equal")
        panel.set_xlim(-0.02, 1.02)
        panel.set_ylim(-0.02, 1.02)
        panel.set_xticks([0, 0.5, 1])
        panel.set_yticks([0, 0.5, 1])
        panel.set_xlabel("1 − specificity")
        panel.set_ylabel("sensitivity")
        if of_trait:
            panel.legend(loc="lower right", fontsize=7, handlelength=1.2, borderpad=0, labelspacing=0.25)
    return figure
