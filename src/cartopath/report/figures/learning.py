"""Learning curves: one column of panels per round, loss above and, where there is one, validation AUROC below."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cartopath.report.figures import style


@style.drawn
def draw_learning_curves(
    curves: pd.DataFrame, *, step: str = "validation interval", judged: str = "slide", drawing: str = "round"
) -> Figure:
    """Draw the learning curves of a few rounds of one trait.

    Args:
        curves: Rows of `learning_curves.csv` of one trait and at most six rounds.
        step: What is followed by a validation; the first is number 1.
        judged: What the AUROC that chooses is over: slides or patients.
        drawing: What rounds are called.
    """
    curves = curves.assign(chunk=curves["chunk"] + 1)
    rounds = list(dict.fromkeys(curves["round"]))
    n = len(rounds)
    has_auroc = bool(curves[["val_slide_auroc", "val_tile_auroc"]].notna().any(axis=None))
    figure = Figure(figsize=(min(style.FULL_WIDTH_IN, 1.2 + 2.4 * max(n, 2)), 3.3 if has_auroc else 2.1))
    grid = figure.subplots(2 if has_auroc else 1, n, squeeze=False, sharex="col", sharey="row")
    for column, name in enumerate(rounds):
        rows = curves[curves["round"] == name].sort_values("chunk", kind="stable")
        _loss(grid[0, column], rows)
        if has_auroc:
            _auroc(grid[1, column], rows, judged)
        _mark_best(list(grid[:, column]), rows, "val_slide_auroc" if has_auroc else "val_loss")
        grid[0, column].set_title(f"{drawing.capitalize()} {style.shortened(name, length=12)}")
    grid[0, 0].set_ylabel("loss")
    if has_auroc:
        grid[1, 0].set_ylabel("AUROC")
        grid[1, 0].set_ylim(-0.02, 1.03)
    figure.supxlabel(step, fontsize=8)
    handles = {h.get_label(): h for axes in grid[:, 0] for h in axes.get_legend_handles_labels()[0]}
    figure.legend(handles=list(handles.values()), loc="outside upper right", ncols=6)
    return figure


def _loss(axes: Axes, rows: pd.DataFrame) -> None:
    axes.plot(rows["chunk"], rows["train_loss"], color=style.FAINT, label="training loss")
    axes.plot(rows["chunk"], rows["val_loss"], color=style.BLUE, label="validation loss")
    axes.grid(axis="y")


def _auroc(axes: Axes, rows: pd.DataFrame, judged: str) -> None:
    axes.axhline(0.5, color=style.RULE, linewidth=1)
    if rows["val_tile_auroc"].notna().any():
        axes.plot(rows["chunk"], rows["val_tile_auroc"], color=style.SKY, linestyle=(0, (4, 2)), label="tile AUROC")
    axes.plot(rows["chunk"], rows["val_slide_auroc"], color=style.VERMILION, label=f"{judged} AUROC")
    axes.grid(axis="y")


def _mark_best(panels: list[Axes], rows: pd.DataFrame, by: str) -> None:
    """Mark the weights that were kept: a line in every panel, and a point in the last on the curve that chose them."""
    best = rows[rows["is_best"] == True]  # noqa: E712 - missing flags are neither true nor false
    for chunk in best["chunk"]:
        for axes in panels:
            axes.axvline(chunk, color=style.INK, linewidth=0.9, linestyle=(0, (1, 2)))
    panels[-1].plot(best["chunk"], best[by], "o", color=style.INK, markersize=4.5, label="kept weights")
