"""AUROC of several methods on the same patients, one panel per trait: the ensemble with its interval, and every round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from cartopath.report.figures import style


@dataclass(frozen=True)
class ArmFigures:
    """What is drawn of one method.

    Attributes:
        name: Its name.
        value: AUROC of the ensemble, None where it is undefined.
        low: Lower end of its interval, or None.
        high: Upper end, or None.
        mean: Mean of the rounds or folds, or None.
        rounds: AUROC of each round or fold that has one.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    mean: float | None
    rounds: tuple[float, ...]


@style.drawn
def draw_comparison(traits: Sequence[tuple[str, Sequence[ArmFigures]]]) -> Figure:
    """Draw one panel per trait with a line for each method.

    Args:
        traits: (trait, its methods), methods in the same order everywhere, the first on top.
    """
    n_arms = max(len(arms) for _, arms in traits)
    columns = min(3, len(traits))
    figure, axes = style.panels(len(traits), columns=columns, height_in=0.9 + 0.42 * n_arms, share_y=True)
    for panel, (trait, arms) in zip(axes, traits, strict=True):
        panel.axvline(0.5, color=style.RULE, linewidth=1)
        for i, arm in enumerate(arms):
            colour = style.SERIES[i % len(style.SERIES)]
            if arm.low is not None and arm.high is not None:
                panel.plot([arm.low, arm.high], [i, i], color=colour, linewidth=2)
            if arm.value is not None:
                panel.plot([arm.value], [i], marker="o", markersize=7, color=colour)
            if arm.mean is not None:
                panel.plot([arm.mean], [i + 0.25], marker="D", markersize=4, color=colour, fillstyle="none")
            panel.plot(arm.rounds, [i + 0.25] * len(arm.rounds), marker="|", markersize=7, linestyle="none", color=colour)
        panel.set_title(style.shortened(trait))
        panel.set_xlim(min(0.28, *(v for arm in arms for v in (*arm.rounds, arm.low or 0.5))) - 0.02, 1.02)
        panel.set_ylim(n_arms - 0.45, -0.5)
        panel.set_yticks(range(len(arms)), [style.shortened(arm.name) for arm in arms])
        panel.set_xlabel("AUROC, test patients")
        panel.grid(axis="x")
    return figure
