"""How often tissue finds itself: accuracy of matching games with intervals, beside chance (F47, F48)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from cartopath.report.figures import style


@dataclass(frozen=True, slots=True)
class Game:
    """One accuracy.

    Attributes:
        name: Its line.
        unit: What was matched: `slide` or `patient`.
        value: Share that was matched right.
        low: Lower end of its interval, NaN for none.
        high: Upper end.
        chance: What guessing gives.
        n: How many were matched.
    """

    name: str
    unit: str
    value: float
    low: float
    high: float
    chance: float
    n: int


@style.drawn
def draw_matching(games: Sequence[Game]) -> Figure:
    """Draw one line per game: a dot with its interval, and a tick at chance."""
    figure = Figure(figsize=(7.2, 0.75 + 0.27 * len(games)))
    axes = figure.subplots()
    colours = {"slide": style.BLUE, "patient": style.VERMILION}
    seen: set[str] = set()
    for place, game in enumerate(games):
        colour = colours.get(game.unit, style.MUTED)
        if game.low == game.low and game.high == game.high:
            axes.plot([game.low, game.high], [place, place], color=colour, linewidth=2, alpha=0.5, solid_capstyle="butt")
        label = None if game.unit in seen else f"{game.unit}s matched"
        axes.plot(game.value, place, "o", color=colour, markersize=5, label=label)
        axes.plot(
            [game.chance] * 2, [place - 0.3, place + 0.3], color=style.INK, linewidth=1.2, label="chance" if place == 0 else None
        )
        seen.add(game.unit)
    axes.set_yticks(range(len(games)), [f"{style.shortened(game.name, length=52)}  (n = {game.n:,})" for game in games])
    axes.set_ylim(len(games) - 0.4, -0.6)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"])
    axes.set_xlabel("matched right")
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    figure.legend(loc="outside right upper", handlelength=1.2)
    return figure
