"""ROC curves of patients with 95 % bands: the folds behind, all patients in front, a panel per trait and cohort (F58)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cartopath.report.figures import style

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class BandedCurve:
    """A curve with its band.

    Attributes:
        false_positive: (n,) from 0 to 1.
        true_positive: (n,) from 0 to 1.
        label: For the legend, such as the AUROC with its interval; "" for none.
        band: False positive rate, lower and upper end of the sensitivity, each (m,); None for no band.
        is_part: Whether it is one fold or round of several.
    """

    false_positive: Floats
    true_positive: Floats
    label: str = ""
    band: tuple[Floats, Floats, Floats] | None = None
    is_part: bool = False


@style.drawn
def draw_banded_curves(panels: Sequence[tuple[str, Sequence[BandedCurve]]]) -> Figure:
    """Draw one square panel per trait and cohort.

    Args:
        panels: (title, its curves) in the order of the panels.
    """
    figure, axes = style.panels(len(panels), columns=3, height_in=3.35, width_in=3.1)
    for panel, (title, curves) in zip(axes, panels, strict=True):
        panel.plot([0, 1], [0, 1], color=style.RULE, linewidth=1)
        named_part = False
        for curve in sorted(curves, key=lambda one: not one.is_part):
            _draw(panel, curve, is_named=not (curve.is_part and named_part))
            named_part = named_part or curve.is_part
        panel.set_title(style.shortened(title, length=36))
        panel.set_aspect("equal")
        panel.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xticks=[0, 0.25, 0.5, 0.75, 1], yticks=[0, 0.25, 0.5, 0.75, 1])
        panel.set_xlabel("1 − specificity")
        panel.set_ylabel("sensitivity")
        if any(curve.label for curve in curves):
            panel.legend(loc="lower right", fontsize=6.8, handlelength=1.4, borderpad=0.1, labelspacing=0.3)
    return figure


def _draw(axes: Axes, curve: BandedCurve, *, is_named: bool) -> None:
    label = curve.label if is_named and curve.label else None
    if curve.is_part:
        axes.plot(curve.false_positive, curve.true_positive, color=style.FAINT, linewidth=0.9, label=label)
        return
    if curve.band is not None:
        places, low, high = curve.band
        axes.fill_between(places, low, high, color=style.BLUE, alpha=0.18, linewidth=0, label="95 % band")
    axes.plot(curve.false_positive, curve.true_positive, color=style.BLUE, linewidth=1.8, label=label, solid_joinstyle="miter")
