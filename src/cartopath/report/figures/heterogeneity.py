"""HTI over the cohort, and HTI by groups of patients (compare Fig. 6 of Levy-Jurgenson et al. 2020)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cartopath.report.figures import style


@style.drawn
def draw_hti_distribution(values: Mapping[str, NDArray[np.float64]], cuts: Sequence[float]) -> Figure:
    """Draw histograms of patient HTI, stacked by set, with the survival cuts.

    Args:
        values: HTI from 0 to 1 by set.
        cuts: HTI at which survival groups are cut.
    """
    figure = Figure(figsize=(5.6, 2.5))
    axes = figure.subplots()
    palette = style.colours(values, known={"test": style.VERMILION, "trained": style.RULE, "ood": style.SKY})
    axes.hist(
        list(values.values()),
        bins=np.linspace(0, 1, 21).tolist(),
        stacked=True,
        color=list(palette.values()),
        label=[f"{style.SET_NAMES.get(name, name)} ({len(v)})" for name, v in values.items()],
        edgecolor="white",
        linewidth=0.5,
    )
    for i, cut in enumerate(cuts):
        axes.axvline(cut, color=style.INK, linewidth=1, linestyle=(0, (3, 2)), label="survival cut" if i == 0 else None)
    axes.set_xlim(0, 1)
    axes.set_xlabel("HTI of the patient's slide")
    style.count_axis(axes, "patients")
    figure.legend(loc="outside right upper")
    return figure


@dataclass(frozen=True)
class GroupBox:
    """HTI of one group: its quartiles, and its values (n,) where they are known."""

    name: str
    n: int
    median: float
    q1: float
    q3: float
    values: NDArray[np.float64] | None = None


@style.drawn
def draw_hti_groups(groupings: Sequence[tuple[str, str, Sequence[GroupBox]]]) -> Figure:
    """Draw one panel per grouping.

    Args:
        groupings: (title, text of the test, groups) per panel. Groups with values get a full box plot, others their quartiles.
    """
    n_columns = 3 if len(groupings) <= 3 or max(len(groups) for _, _, groups in groupings) <= 3 else 2
    figure, axes = style.panels(len(groupings), columns=n_columns, height_in=2.6, width_in=style.FULL_WIDTH_IN / 3, share_y=True)
    for panel, (title, test, groups) in zip(axes, groupings, strict=True):
        panel.set_title(f"{style.shortened(title, length=34)}\n", fontsize=8)
        panel.text(0, 1.03, test, transform=panel.transAxes, color=style.MUTED, fontsize=7.5)
        for x, (group, colour) in enumerate(zip(groups, _shades(len(groups)), strict=True)):
            _group(panel, group, x, colour)
        panel.set_xticks(range(len(groups)), [f"{style.shortened(g.name, length=12)}\n{g.n}" for g in groups])
        panel.tick_params(axis="x", length=0, labelsize=7)
        panel.set_xlim(-0.6, max(1, len(groups)) - 0.4)
        panel.set_ylim(-0.04, 1.04)
        panel.grid(axis="y")
    for panel in axes[::n_columns]:
        panel.set_ylabel("HTI")
    return figure


def _shades(n: int) -> list[str]:
    return [style.SERIES[i % (len(style.SERIES) - 1)] for i in range(n)]


def _group(axes: Axes, group: GroupBox, x: float, colour: str) -> None:
    if group.values is not None:
        style.box(axes, group.values, x, colour=colour)
        return
    if not np.isfinite([group.median, group.q1, group.q3]).all():
        return
    axes.bar(x, group.q3 - group.q1, bottom=group.q1, width=0.5, facecolor=f"{colour}33", edgecolor=colour, linewidth=1)
    axes.plot([x - 0.25, x + 0.25], [group.median] * 2, color=colour, linewidth=2.2, solid_capstyle="butt")
