"""Histograms of patient scores by class, and what answering only patients with enough tissue gives (F59)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cartopath.report.figures import style

Floats = NDArray[np.float64]
_APART = 0.08
"""Shares of patients with less than this between them have no room for two texts below the axis."""
_NAMES = {"lo": "negative", "hi": "positive"}


@style.drawn
def draw_score_histograms(scores: Sequence[tuple[str, Mapping[str, Floats]]]) -> Figure:
    """Draw one panel per trait: patients of either class by their score, each above the other's.

    Args:
        scores: (trait, scores from -1 to +1 by class) in the order of the panels.
    """
    figure, axes = style.panels(len(scores), columns=3, height_in=2.5, width_in=3.1)
    edges = np.linspace(-1, 1, 21)
    for panel, (trait, by_class) in zip(axes, scores, strict=True):
        names = [name for name in ("lo", "hi") if name in by_class]
        panel.hist(
            [by_class[name] for name in names],
            bins=edges.tolist(),
            stacked=True,
            color=[style.CLASSES[name] for name in names],
            label=[f"{_NAMES[name]} (n = {len(by_class[name])})" for name in names],
            edgecolor="white",
            linewidth=0.5,
        )
        panel.axvline(0, color=style.INK, linewidth=1, linestyle=(0, (3, 2)))
        panel.set_title(style.shortened(trait, length=36))
        panel.set_xlim(-1, 1)
        panel.set_xticks([-1, -0.5, 0, 0.5, 1], ["−1", "−0.5", "0", "+0.5", "+1"])
        panel.set_xlabel("score of the patient")
        style.count_axis(panel, "patients")
        panel.margins(y=0.3)
        panel.legend(loc="upper left", fontsize=7, handlelength=1.0, borderpad=0.1)
    return figure


@dataclass(frozen=True, eq=False)
class AbstentionCurve:
    """What answering fewer patients gives, from everybody to those with the most tissue.

    Attributes:
        title: Of its panel.
        coverage: (n,) share of patients answered.
        least: (n,) tiles that a patient needs.
        accuracy: (n, 3) value, lower and upper end.
        auroc: (n, 3) likewise, NaN where undefined.
    """

    title: str
    coverage: Floats
    least: Floats
    accuracy: Floats
    auroc: Floats


@style.drawn
def draw_abstention(curves: Sequence[AbstentionCurve]) -> Figure:
    """Draw one panel per trait and cohort: accuracy and AUROC against the share of patients that are answered."""
    figure, axes = style.panels(len(curves), columns=3, height_in=2.9, width_in=3.1, share_y=True)
    for panel, curve in zip(axes, curves, strict=True):
        for values, name, colour in ((curve.accuracy, "accuracy", style.BLUE), (curve.auroc, "AUROC", style.VERMILION)):
            panel.fill_between(curve.coverage, values[:, 1], values[:, 2], color=colour, alpha=0.15, linewidth=0)
            panel.plot(curve.coverage, values[:, 0], color=colour, label=name, marker="o", markersize=2.4)
        panel.set_title(style.shortened(curve.title, length=36))
        _coverage_axis(panel, curve)
        panel.axhline(0.5, color=style.RULE, linewidth=1, zorder=0)
        panel.set_ylim(0.35, 1.02)
        panel.grid(axis="y")
    for panel in axes[::3]:
        panel.set_ylabel("of the patients answered")
    axes[0].legend(loc="lower left", fontsize=7, handlelength=1.4, borderpad=0.1)
    return figure


def _coverage_axis(axes: Axes, curve: AbstentionCurve) -> None:
    """Fewer patients to the right, with the tiles asked for below each share."""
    fewest = float(curve.coverage.min())
    wanted = [share for share in (1.0, 0.75, 0.5, 0.25) if share >= fewest - 0.05]
    if wanted[-1] - fewest > _APART:
        wanted.append(fewest)
    texts = [f"{share:.0%}\n≥ {curve.least[int(np.argmin(np.abs(curve.coverage - share)))]:,.0f}" for share in wanted]
    axes.set_xlim(1.03, min(wanted[-1], fewest) - 0.03)
    axes.set_xticks(wanted, [text.replace("%", " %") for text in texts])
    axes.set_xlabel("patients answered; tiles of tissue they have")
