"""Slide scores of high against low slides (compare Fig. 2 of Levy-Jurgenson et al. 2020)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cartopath.report.figures import style

Scores = Mapping[str, Mapping[str, Mapping[str, NDArray[np.float64]]]]
"""Slide scores by set, trait and class ("lo", "hi")."""


@style.drawn
def draw_score_distributions(scores: Scores, traits: Sequence[str], *, what: str = "positive tiles, share") -> Figure:
    """Draw one panel per set and one pair of boxes per trait: whiskers of 1.5 interquartile ranges, every slide a point.

    Args:
        scores: Slide scores from 0 to 1 by set, trait and class.
        traits: Order of the traits.
        what: The scores are.
    """
    side_by_side = len(traits) <= 3
    figure, axes = style.panels(
        len(scores), columns=3 if side_by_side else 1, height_in=2.9 if side_by_side else 2.2, share_y=True
    )
    for panel, (name, by_trait) in zip(axes, scores.items(), strict=True):
        panel.set_title({"test": "Test"}.get(name, style.SET_NAMES.get(name, name)))
        _pairs(panel, by_trait, traits)
    for panel in axes if not side_by_side else axes[:1]:
        panel.set_ylabel(what)
    return figure


def _pairs(axes: Axes, by_trait: Mapping[str, Mapping[str, NDArray[np.float64]]], traits: Sequence[str]) -> None:
    ticks: list[tuple[float, str]] = []
    for position, trait in enumerate(traits):
        for label, offset in (("lo", -0.2), ("hi", 0.2)):
            values = by_trait.get(trait, {}).get(label, np.zeros(0))
            style.box(axes, values, position + offset, colour=style.CLASSES[label], width=0.32)
            ticks.append((position + offset, f"{'low' if label == 'lo' else 'high'}\n{len(values)}"))
        axes.text(
            position,
            1.08,
            style.shortened(trait, length=min(24, max(5, (130 if len(traits) > 3 else 45) // len(traits)))),
            ha="center",
            va="bottom",
            color=style.MUTED,
        )
    axes.set_xticks([x for x, _ in ticks], [text for _, text in ticks])
    axes.tick_params(axis="x", length=0, labelsize=7)
    axes.set_xlim(-0.5, len(traits) - 0.5)
    axes.set_ylim(-0.04, 1.18)
    axes.set_yticks(np.linspace(0, 1, 6))
    axes.grid(axis="y")
