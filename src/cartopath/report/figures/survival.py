"""Kaplan-Meier curves with 95 % bands, censoring marks and numbers at risk, and hazard ratios as a forest plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cartopath.report.figures import style

DAYS_PER_YEAR = 365.25


@dataclass(frozen=True)
class SurvivalPanel:
    """One panel: an analysis, what its log-rank test said, its rows of `survival_curves.csv`, and what its groups are called."""

    title: str
    test: str
    curves: pd.DataFrame
    names: Mapping[str, str]


@style.drawn
def draw_survival(panels: Sequence[SurvivalPanel]) -> Figure:
    """Draw survival curves side by side, each with its numbers at risk below."""
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    longest = max(len(set(panel.curves["group"])) for panel in panels)
    figure = Figure(figsize=(style.FULL_WIDTH_IN * (1 if columns == 2 else 0.62), rows * (2.9 + 0.17 * longest)))
    outer = figure.add_gridspec(rows, columns)
    for i, panel in enumerate(panels):
        inner = outer[i // columns, i % columns].subgridspec(2, 1, height_ratios=[2.3, 0.25 + 0.16 * longest])
        curve_axes = figure.add_subplot(inner[0])
        risk_axes = figure.add_subplot(inner[1], sharex=curve_axes)
        _draw_panel(curve_axes, risk_axes, panel)
    return figure


def at_risk(curve: pd.DataFrame, time_days: float) -> int:
    """Return how many were still under observation just before a time.

    Args:
        curve: Rows of one group, one per distinct time.
        time_days: The time.
    """
    later = curve[curve["time_days"] >= time_days].sort_values("time_days", kind="stable")
    return int(later["at_risk"].iloc[0]) if len(later) else 0


def survival_at(curve: pd.DataFrame, time_days: float) -> float:
    """Return the estimated survival of one group at a time: the last step at or before it, 1 before the first."""
    earlier = curve[curve["time_days"] <= time_days].sort_values("time_days", kind="stable")
    return float(earlier["survival"].iloc[-1]) if len(earlier) else 1.0


def group_order(groups: Sequence[str]) -> list[str]:
    """Return low, middle, high first and then the others by name."""
    known = list(style.GROUPS)
    return sorted(set(groups), key=lambda name: (known.index(name) if name in known else len(known), name))


def _draw_panel(axes: Axes, risk: Axes, panel: SurvivalPanel) -> None:
    groups = group_order(list(panel.curves["group"]))
    palette = style.colours(groups, known=style.GROUPS)
    for name in groups:
        rows = panel.curves[panel.curves["group"] == name].sort_values("time_days", kind="stable")
        _draw_curve(
            axes,
            rows,
            palette[name],
            f"{style.shortened(panel.names.get(name, name), length=22)} (n = {at_risk(rows, 0)}, "
            f"{rows['events'].sum():.0f} events)",
        )
    axes.set_title(f"{style.shortened(panel.title, length=52)}\n")
    axes.text(0, 1.03, panel.test, transform=axes.transAxes, color=style.MUTED, fontsize=7.5)
    years = panel.curves["time_days"].max() / DAYS_PER_YEAR
    ticks = _year_ticks(years)
    axes.set_xlim(-0.02 * years, years * 1.02 + 1e-6)
    axes.set_ylim(0, 1.03)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    axes.set_xticks(ticks)
    axes.set_ylabel("surviving, share")
    axes.set_xlabel("years")
    axes.grid(axis="y")
    axes.legend(loc="lower left", handlelength=1.4, borderpad=0)
    _draw_risk(risk, panel, palette, ticks)


def _draw_curve(axes: Axes, rows: pd.DataFrame, colour: str, label: str) -> None:
    years = rows["time_days"].to_numpy(float) / DAYS_PER_YEAR
    axes.fill_between(
        years, rows["low"].to_numpy(float), rows["high"].to_numpy(float), step="post", color=colour, alpha=0.16, linewidth=0
    )
    axes.step(years, rows["survival"], where="post", color=colour, label=label)
    censored = (rows["events"].to_numpy(float) == 0) & (rows["time_days"].to_numpy(float) > 0)
    axes.plot(years[censored], rows["survival"].to_numpy(float)[censored], "|", color=colour, markersize=4, markeredgewidth=0.8)


def _draw_risk(axes: Axes, panel: SurvivalPanel, palette: dict[str, str], ticks: list[float]) -> None:
    axes.set_ylim(len(palette) - 0.4, -1.2)
    for row, (name, colour) in enumerate(palette.items()):
        of_group = panel.curves[panel.curves["group"] == name]
        for tick in ticks:
            axes.text(
                tick, row, str(at_risk(of_group, tick * DAYS_PER_YEAR)), ha="center", va="center", color=colour, fontsize=7.5
            )
    axes.text(0, 1, "number at risk", transform=axes.transAxes, ha="left", va="top", color=style.MUTED, fontsize=7)
    axes.set_yticks(range(len(palette)), [style.shortened(panel.names.get(name, name), length=14) for name in palette])
    axes.tick_params(length=0, labelbottom=False, pad=9)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _year_ticks(years: float) -> list[float]:
    if not np.isfinite(years) or years <= 0:
        return [0.0]
    step = next(step for step in (0.25, 0.5, 1, 2, 5, 10, 20, 50, 1e9) if years / step <= 7)
    return [float(tick) for tick in np.arange(0, years + 1e-9, step)]


@style.drawn
def draw_hazard_ratios(cox: pd.DataFrame) -> Figure:
    """Draw hazard ratios with their confidence intervals on a logarithmic scale.

    Args:
        cox: Rows of `cox.csv` with finite, positive hazard ratios and intervals.
    """
    figure = Figure(figsize=(6.4, 0.75 + 0.26 * len(cox)))
    axes = figure.subplots()
    axes.axvline(1, color=style.RULE, linewidth=1.2)
    for y, (_, row) in enumerate(cox.iterrows()):
        clear = row["low"] > 1 or row["high"] < 1
        colour = style.VERMILION if clear else style.MUTED
        axes.plot([row["low"], row["high"]], [y, y], color=colour, linewidth=1.6)
        axes.plot([row["hazard_ratio"]], [y], "s", color=colour, markersize=5)
    low, high = min(0.5, float(cox["low"].min())), max(2.0, float(cox["high"].max()))
    axes.set_xscale("log", base=2)
    ticks = [tick for tick in (1e-3, 1e-2, 0.1, 0.25, 0.5, 1, 2, 4, 10, 100, 1e3) if low / 1.3 <= tick <= high * 1.3]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlim(low / 1.15, high * 1.15)
    axes.set_ylim(len(cox) - 0.4, -0.6)
    several = cox["model"].nunique() > 1
    names = [
        style.shortened(f"{row['model']}: {row['covariate']}" if several else row["covariate"], length=40)
        for _, row in cox.iterrows()
    ]
    axes.set_yticks(range(len(cox)), names)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("hazard ratio with 95 % CI (log scale)")
    return figure
