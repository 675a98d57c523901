"""Figures of a regression: how well genes are predicted, whether values mean what they say, and the best genes by themselves."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cartopath.report.figures import style


@dataclass(frozen=True, eq=False)
class Ranked:
    """Correlations of one arm.

    Attributes:
        name: Its line.
        values: (n_genes,) coefficients; NaN where undefined.
        is_nothing: Whether it was trained on shuffled patients.
    """

    name: str
    values: NDArray[np.float64]
    is_nothing: bool = False


@dataclass(frozen=True, eq=False)
class Beside:
    """Two arms, gene by gene.

    Attributes:
        baseline: (n_genes,) coefficients of the baseline.
        first: (n_genes,) of the first head.
        is_better: (n_genes,) whether the head is better by its q-value.
    """

    baseline: NDArray[np.float64]
    first: NDArray[np.float64]
    is_better: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Calibrated:
    """Calibration of one arm: its bins and its line.

    Attributes:
        name: Its title.
        predicted: (n_bins,) mean predicted value.
        measured: (n_bins,) mean measured value.
        low: (n_bins,) lower ends of its intervals, NaN where there is none.
        high: (n_bins,) upper ends.
        slope: Of the line through all values; None where there is none.
        intercept: Of that line.
    """

    name: str
    predicted: NDArray[np.float64]
    measured: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    slope: float | None
    intercept: float | None


@dataclass(frozen=True, eq=False)
class GenePoints:
    """Patients of one gene: what was predicted and what was measured, and what is written above.

    Attributes:
        name: The gene.
        predicted: (n,) values.
        measured: (n,) values.
        label: Its figure, such as `r 0.62`.
    """

    name: str
    predicted: NDArray[np.float64]
    measured: NDArray[np.float64]
    label: str


@style.drawn
def draw_ranked(arms: Sequence[Ranked], *, first: str, baseline: str, beside: Beside) -> Figure:
    """Draw which share of genes reaches which correlation, and the first head against the baseline gene by gene.

    Args:
        arms: All arms; what was trained on nothing is grey.
        first: Name of the first head.
        baseline: Name of the baseline.
        beside: The first head and the baseline, gene by gene.
    """
    figure = Figure(figsize=(style.FULL_WIDTH_IN, 3.4))
    left, right = figure.subplots(1, 2, width_ratios=[1.25, 1])
    _curves(left, arms)
    _beside(right, beside, first=first, baseline=baseline)
    return figure


def _curves(axes: Axes, arms: Sequence[Ranked]) -> None:
    axes.axvline(0, color=style.RULE, linewidth=1)
    colours = itertools.cycle(style.SERIES)
    lowest = 0.0
    for arm in arms:
        values = np.sort(arm.values[~np.isnan(arm.values)])
        if not len(values):
            continue
        share = 100 * np.arange(len(values), 0, -1) / len(values)
        colour = style.FAINT if arm.is_nothing else next(colours)
        line = "--" if arm.is_nothing else "-"
        axes.step(values, share, where="pre", color=colour, linestyle=line, label=style.shortened(arm.name, length=32))
        lowest = min(lowest, float(values[0]))
    axes.set_xlim(max(lowest, -0.6) - 0.02, 1.0)
    axes.set_ylim(0, 101)
    axes.set_xlabel("correlation of out-of-fold prediction and measurement, r")
    axes.set_ylabel("genes with at least that r, %")
    axes.grid()
    axes.legend(loc="upper right")


def _beside(axes: Axes, beside: Beside, *, first: str, baseline: str) -> None:
    x, y, is_better = beside.baseline, beside.first, beside.is_better
    known = ~(np.isnan(x) | np.isnan(y))
    if not known.any():
        style.nothing_here(axes, "no gene to compare")
        return
    low = float(min(x[known].min(), y[known].min(), 0)) - 0.04
    axes.plot([low, 1], [low, 1], color=style.RULE, linewidth=1)
    size = 14 if known.sum() < 300 else 4
    for chosen, colour, label in ((~is_better, style.FAINT, "other genes"), (is_better, style.VERMILION, "better, q < 0.05")):
        some = known & chosen
        n = int(some.sum())
        axes.scatter(
            x[some], y[some], s=size, color=colour, linewidths=0, alpha=0.8, label=f"{label} ({n:,})", rasterized=n > 1500
        )
    axes.set_xlim(low, 1)
    axes.set_ylim(low, 1)
    axes.set_aspect("equal")
    axes.set_xlabel(f"r of {style.shortened(baseline)}")
    axes.set_ylabel(f"r of {style.shortened(first)}")
    axes.grid()
    axes.legend(loc="upper left", handletextpad=0.2)


@style.drawn
def draw_calibration(arms: Sequence[Calibrated]) -> Figure:
    """Draw measured against predicted values in bins, one panel per arm, beside the line where both are equal."""
    figure, axes = style.panels(len(arms), columns=4, height_in=2.5, width_in=2.4, share_y=True)
    ends = np.concatenate([np.concatenate([arm.predicted, arm.measured]) for arm in arms])
    low, high = min(float(np.nanmin(ends)), -0.2) - 0.1, max(float(np.nanmax(ends)), 0.2) + 0.1
    for panel, arm in zip(axes, arms, strict=True):
        panel.plot([low, high], [low, high], color=style.RULE, linewidth=1)
        if arm.slope is not None and arm.intercept is not None:
            x = np.array([arm.predicted.min(), arm.predicted.max()])
            panel.plot(x, arm.intercept + arm.slope * x, color=style.BLUE, linewidth=1, alpha=0.6)
        panel.vlines(arm.predicted, arm.low, arm.high, color=style.BLUE, linewidth=1.4)
        panel.plot(arm.predicted, arm.measured, "o", color=style.BLUE, markersize=4)
        panel.set_title(style.shortened(arm.name, length=24))
        panel.set_xlim(low, high)
        panel.set_ylim(low, high)
        panel.set_xlabel("predicted")
        panel.grid()
    for row in axes[::4]:
        row.set_ylabel("measured")
    return figure


@style.drawn
def draw_genes(genes: Sequence[GenePoints]) -> Figure:
    """Draw measured against predicted values of every patient, one panel per gene."""
    figure, axes = style.panels(len(genes), columns=4, height_in=2.2, width_in=2.4)
    for number, (panel, gene) in enumerate(zip(axes, genes, strict=True)):
        n = len(gene.predicted)
        panel.axhline(0, color=style.RULE, linewidth=0.8)
        panel.axvline(0, color=style.RULE, linewidth=0.8)
        panel.scatter(gene.predicted, gene.measured, s=10 if n < 150 else 4, color=style.BLUE, alpha=0.6, linewidths=0)
        panel.set_title(style.shortened(gene.name, length=18))
        panel.set_title(gene.label, loc="right", color=style.MUTED, fontweight="normal", fontsize=7.5)
        if number % 4 == 0:
            panel.set_ylabel("measured")
        if number >= len(genes) - 4:
            panel.set_xlabel("predicted")
    return figure
