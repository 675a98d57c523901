"""Slides at a glance: resolution, tiles and stain."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cartopath.report.figures import style


@style.drawn
def draw_slides(slides: pd.DataFrame) -> Figure:
    """Draw three panels about the slides in use: micrometres per pixel, tiles kept, stain by site.

    Args:
        slides: Rows of `slides.csv` with status "used".
    """
    figure, (resolution, tiles, stain) = style.panels(3, columns=3, height_in=2.35)
    _histogram(resolution, slides["mpp"], "Resolution", "µm per level-0 pixel")
    _histogram(tiles, slides["tiles_kept"], "Tiles kept", "tiles per slide")
    _stain(stain, slides)
    return figure


def _histogram(axes: Axes, values: pd.Series, title: str, label: str) -> None:
    axes.set_title(title)
    values = values.dropna()
    if values.empty:
        style.nothing_here(axes, "not recorded")
        return
    low, high = float(values.min()), float(values.max())
    if high - low < 1e-9:
        low, high = low - max(0.05, 0.1 * abs(low)), high + max(0.05, 0.1 * abs(high))
    axes.hist(
        values.to_numpy(float),
        bins=np.linspace(low, high, 21).tolist(),
        color=style.BLUE,
        alpha=0.85,
        edgecolor="white",
        linewidth=0.5,
    )
    axes.set_xlabel(label)
    style.count_axis(axes, "slides")


def _stain(axes: Axes, slides: pd.DataFrame) -> None:
    axes.set_title("Stain")
    known = slides.dropna(subset=["stain_haematoxylin", "stain_eosin"])
    if known.empty:
        style.nothing_here(axes, "not recorded")
        return
    sites = sorted(set(known["site"]))
    shown = sites if len(sites) <= len(style.SERIES) else [""]
    for site, colour in style.colours(shown, known={}).items():
        rows = known if len(shown) != len(sites) else known[known["site"] == site]
        axes.scatter(
            rows["stain_haematoxylin"], rows["stain_eosin"], s=12, color=colour, alpha=0.8, linewidths=0.3, edgecolors="white",
            label=style.shortened(site, length=14) if site else None, rasterized=len(rows) > 1500,
        )  # fmt: skip
    if len(shown) > 1:
        axes.legend(
            title="site",
            title_fontsize=7.5,
            fontsize=7,
            handletextpad=0.2,
            borderpad=0,
            loc="center left",
            bbox_to_anchor=(1, 0.5),
        )
    axes.locator_params(nbins=5)
    axes.set_xlabel("haematoxylin, mean optical density")
    axes.set_ylabel("eosin, mean optical density")
    axes.grid()
