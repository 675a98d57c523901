"""One look for every figure: sizes, colours that colour-blind readers can tell apart, and SVG with equal bytes for equal data.

Colours are those of Okabe and Ito 2008. Text stays text, in the font of the page; it is laid out with the metrics of DejaVu Sans,
which comes with matplotlib and is wider than the fonts a browser puts in its place.
"""

from __future__ import annotations

import functools
import io
import re
import warnings
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, cast

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

P = ParamSpec("P")

FULL_WIDTH_IN = 9.6
"""Width of a figure that fills the text column."""

BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9"
INK, MUTED, FAINT, RULE = "#1c2733", "#5a6673", "#9aa5b1", "#d5dbe1"

SERIES = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, INK)
CLASSES = {"lo": BLUE, "hi": VERMILION}
GROUPS = {"low": BLUE, "middle": FAINT, "high": VERMILION}
SETS = {"test": INK, "ood_near": ORANGE, "ood_all": SKY}
SET_NAMES = {
    "train": "training",
    "validation": "validation",
    "train_validation": "training and validation",
    "test": "test",
    "ood_near": "OOD-near",
    "ood_all": "OOD-all",
    "ood": "OOD",
    "held_out": "test and OOD",
    "trained": "used in training",
    "none": "in no set",
}

_FONTS = "'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', sans-serif"
_RC: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "text.parse_math": False,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.labelsize": 8,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.axisbelow": True,
    "axes.formatter.use_mathtext": False,
    "axes.unicode_minus": True,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "grid.color": "#e8ecf0",
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "lines.linewidth": 1.4,
    "lines.solid_capstyle": "round",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.fonttype": "none",
    "svg.hashsalt": "cartopath",
    "figure.constrained_layout.use": True,
}


def drawn(draw: Callable[P, Figure]) -> Callable[P, bytes]:
    """Decorate a function that makes a figure: it is called in the house style and returns the bytes of an SVG."""

    @functools.wraps(draw)
    def as_svg(*args: P.args, **kwargs: P.kwargs) -> bytes:
        with mpl.rc_context(cast(Any, _RC)), warnings.catch_warnings():
            # Names of traits and groups may use any script; the browser has the glyphs that DejaVu lacks.
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            return _svg(draw(*args, **kwargs))

    return as_svg


def _svg(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(buffer, format="svg", metadata=nothing)
    text = buffer.getvalue().decode()
    text = text[text.index("<svg") :]  # no XML declaration and no DOCTYPE: nothing that names another address
    return re.sub(r"font-family: '?DejaVu Sans'?[^;\"]*", lambda _: f"font-family: {_FONTS}", text).encode()


def panels(
    n: int, *, columns: int, height_in: float, width_in: float | None = None, share_y: bool = False
) -> tuple[Figure, list[Axes]]:
    """Return a figure of `n` equal panels in rows of at most `columns`, and their axes in reading order.

    Args:
        n: How many panels.
        columns: At most so many side by side.
        height_in: Height of one row in inches.
        width_in: Width of one panel in inches; default so that a full row fills the text column.
        share_y: Give all panels one vertical scale.
    """
    columns = min(columns, n)
    rows = -(-n // columns)
    width = FULL_WIDTH_IN if width_in is None else width_in * columns
    figure = Figure(figsize=(width, height_in * rows))
    grid = figure.subplots(rows, columns, squeeze=False, sharey=share_y)
    axes = list(grid.ravel())
    for spare in axes[n:]:
        spare.set_visible(False)
    return figure, axes[:n]


def box(axes: Axes, values: NDArray[np.float64], x: float, *, colour: str, width: float = 0.5) -> None:
    """Draw a box plot with whiskers of 1.5 interquartile ranges and every value as a point over it.

    Args:
        axes: Where.
        values: (n,) finite numbers; nothing is drawn for none.
        x: Position of the middle of the box.
        colour: Colour of the box.
        width: Width of the box in units of x.
    """
    if not len(values):
        return
    axes.boxplot(
        [values],
        positions=[x],
        widths=width,
        whis=1.5,
        showfliers=False,
        patch_artist=True,
        manage_ticks=False,
        boxprops={"facecolor": f"{colour}33", "edgecolor": colour, "linewidth": 1},
        whiskerprops={"color": colour, "linewidth": 1},
        capprops={"color": colour, "linewidth": 1},
        medianprops={"color": colour, "linewidth": 2.2, "solid_capstyle": "butt"},
    )
    points(axes, values, x, colour=colour, width=0.7 * width)


def points(axes: Axes, values: NDArray[np.float64], x: float, *, colour: str, width: float) -> None:
    """Scatter values around x; the sideways shift follows a fixed sequence that spreads neighbours apart, not chance."""
    order = np.argsort(values, kind="stable")
    shift = (np.arange(1, len(values) + 1) * 0.6180339887498949) % 1 - 0.5
    axes.scatter(
        x + width * shift,
        np.asarray(values)[order],
        s=9 if len(values) < 150 else 4,
        color=colour,
        alpha=0.75,
        linewidths=0.3,
        edgecolors="white",
        zorder=3,
        rasterized=len(values) > 1500,
    )


def count_axis(axes: Axes, label: str) -> None:
    """Label the vertical axis of a histogram: whole numbers only."""
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.set_ylabel(label)
    axes.grid(axis="y")


def nothing_here(axes: Axes, text: str) -> None:
    """Write into empty axes why they are empty."""
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes, color=MUTED, fontstyle="italic")
    axes.set_xticks([])
    axes.set_yticks([])


def colours(names: Iterable[str], *, known: dict[str, str]) -> dict[str, str]:
    """Return a colour for each name: its known one, or the next unused one of the series."""
    taken: dict[str, str] = {}
    spare = [colour for colour in SERIES if colour not in known.values()] or list(SERIES)
    for name in names:
        taken[name] = known[name] if name in known else spare[len([n for n in taken if n not in known]) % len(spare)]
    return taken


def shortened(name: str, *, length: int = 26) -> str:
    """Return a name that fits a label: long ones lose their middle.

    >>> shortened("hsa-miR-17-5p"), shortened("a" * 40, length=11)
    ('hsa-miR-17-5p', 'aaaaa…aaaaa')
    """
    clean = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    if len(clean) <= length:
        return clean
    half = (length - 1) // 2
    return f"{clean[:half]}…{clean[-half:]}"
