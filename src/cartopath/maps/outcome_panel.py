"""Slides of each outcome side by side: called right and wrong, positive and negative (Rawat et al. 2020, figure 6).

Of every kind those slides are shown of which the network was surest, so that nobody chooses: true and false positives by the
highest score, true and false negatives by the lowest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import ArtifactError
from cartopath.core.geometry import SizeUm
from cartopath.maps.receptor_map import draw_receptor_cells, draw_receptor_key, receptor_colours
from cartopath.maps.sheet import (
    INK,
    MUTED,
    LegendEntry,
    draw_grid,
    draw_legend,
    draw_scale_bar,
    draw_slide,
    legend_colour,
    map_axes,
    tissue_extent,
    to_png,
    widened,
)
from cartopath.maps.thumbnail import Thumbnail

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Outcome = Literal["TP", "TN", "FP", "FN"]
OUTCOMES: dict[Outcome, str] = {
    "TP": "True positive",
    "TN": "True negative",
    "FP": "False positive",
    "FN": "False negative",
}
_CELL_IN = 2.1
_GAP_IN = 0.12
_ROW_GAP_IN = 0.2
_NAME_IN = 1.75
_MARGIN_IN = 0.2
_TITLE_IN = 0.65
_FOOT_IN = 0.5
_SIDE_IN = 1.45
_NAME_CHARACTERS = 24


@dataclass(frozen=True, slots=True)
class ScoredSlide:
    """A slide with a known class and a score.

    Attributes:
        slide_id: Its name.
        is_positive: Its class.
        score: Mean over its tiles, -1 to +1; called positive above 0.
    """

    slide_id: str
    is_positive: bool
    score: float

    @property
    def outcome(self) -> Outcome:
        """What calling it by its score comes to."""
        if self.score > 0:
            return "TP" if self.is_positive else "FP"
        return "FN" if self.is_positive else "TN"


def surest_slides(slides: Sequence[ScoredSlide], *, per_outcome: int = 1) -> dict[Outcome, tuple[ScoredSlide, ...]]:
    """Return the slides of each outcome with the strongest scores, of equal ones those first by name.

    >>> slides = [ScoredSlide("a", True, 0.2), ScoredSlide("b", True, 0.9), ScoredSlide("c", False, -0.4)]
    >>> chosen = surest_slides(slides)
    >>> [slide.slide_id for slide in chosen["TP"]], [slide.slide_id for slide in chosen["TN"]], chosen["FP"]
    (['b'], ['c'], ())
    """
    ordered = sorted(slides, key=lambda one: (-abs(one.score), one.slide_id))
    return {kind: tuple(one for one in ordered if one.outcome == kind)[:per_outcome] for kind in OUTCOMES}


@dataclass(frozen=True, eq=False)
class TissueTypes:
    """A map of tissue types on the same tiles.

    Attributes:
        codes: (rows, cols) int64, index into `names`; -1 without tissue.
        names: What each code is.
        colours: (n_types, 3) uint8.
    """

    codes: NDArray[np.int64]
    names: tuple[str, ...]
    colours: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class PanelSlide:
    """A slide of a panel.

    Attributes:
        slide: Which, with class and score.
        thumbnail: How it looks.
        values: (rows, cols) scores from -1 to +1, NaN without tissue.
        tile_um: Side of a tile in micrometres.
        types: Its tissue types, if known.
    """

    slide: ScoredSlide
    thumbnail: Thumbnail
    values: NDArray[np.float64]
    tile_um: float
    types: TissueTypes | None = None


def render_outcome_panel(chosen: Mapping[Outcome, Sequence[PanelSlide]], *, trait: str, title: str = "") -> bytes:
    """Draw one row per slide: its tissue, its tissue types where they are known, its receptor map.

    Args:
        chosen: Slides of each outcome; an outcome without a slide says so.
        trait: What is scored.
        title: Printed above, after the trait.

    Returns:
        PNG; equal input gives equal bytes.

    Raises:
        ArtifactError: There is no slide at all, or a score lies outside -1 to +1.
    """
    from matplotlib.figure import Figure

    rows = [(kind, one) for kind in OUTCOMES for one in (*chosen.get(kind, ()),)]
    absent = [OUTCOMES[kind].lower() for kind in OUTCOMES if not chosen.get(kind)]
    if not rows:
        raise ArtifactError("render_outcome_panel: no slide of any outcome")
    types = next((one.types for _, one in rows if one.types is not None), None)
    n_cols = 2 if types is None else 3
    extents = [widened(tissue_extent(~np.isnan(one.values), one.tile_um)) for _, one in rows]
    um = max(max(extent.size.width, extent.size.height) for extent in extents)
    scale = _CELL_IN / um
    width = 2 * _MARGIN_IN + _NAME_IN + n_cols * _CELL_IN + (n_cols - 1) * _GAP_IN + _SIDE_IN
    heights = [max(extent.size.height * scale, 0.7) for extent in extents]
    height = _TITLE_IN + sum(heights) + (len(rows) - 1) * _ROW_GAP_IN + _FOOT_IN
    height = max(height, _TITLE_IN + 3.2)
    figure = Figure(figsize=(width, height), dpi=110, facecolor="white")
    heading = "   ".join(part for part in (trait, title) if part)
    figure.text(_MARGIN_IN / width, 1 - 0.17 / height, heading, va="center", fontsize=10, color=INK, parse_math=False)
    lefts = [_MARGIN_IN + _NAME_IN + n * (_CELL_IN + _GAP_IN) for n in range(n_cols)]
    for left, what in zip(lefts, ("stained tissue", *(("tissue types",) if n_cols == 3 else ()), "score of tiles"), strict=True):
        figure.text(left / width, 1 - (_TITLE_IN - 0.12) / height, what, va="center", fontsize=8, color=MUTED)
    top = height - _TITLE_IN
    for (kind, one), extent, tall in zip(rows, extents, heights, strict=True):
        _write_name(figure, kind, one.slide, top)
        size = extent.size.width * scale, extent.size.height * scale
        axes = [map_axes(figure, (left, top - size[1], *size), extent) for left in lefts]
        draw_slide(axes[0], one.thumbnail.image, SizeUm(one.thumbnail.width_um, one.thumbnail.height_um))
        if one.types is not None:
            draw_grid(axes[1], _type_colours(one.types), one.tile_um)
        draw_receptor_cells(axes[-1], receptor_colours(one.values), one.tile_um)
        top -= tall + _ROW_GAP_IN
    draw_scale_bar(figure, (lefts[0], 0.2), inches_per_um=scale, width_um=um)
    if absent:
        text = f"no slide: {', '.join(absent)}"
        figure.text((lefts[-1]) / width, 0.22 / height, text, va="center", fontsize=8, color=MUTED)
    key_left = lefts[-1] + _CELL_IN + 0.15
    draw_receptor_key(figure, (key_left, height - _TITLE_IN), label=f"{trait} score")
    if types is not None:
        entries = [LegendEntry(legend_colour(types.colours[n]), name) for n, name in enumerate(types.names)]
        draw_legend(figure, (key_left, height - _TITLE_IN - 2.15), entries)
    return to_png(figure)


def _type_colours(types: TissueTypes) -> NDArray[np.uint8]:
    has = types.codes >= 0
    return np.where(has[..., None], types.colours[np.maximum(types.codes, 0)], 255).astype(np.uint8)


def _write_name(figure: Figure, kind: Outcome, slide: ScoredSlide, top: float) -> None:
    width, height = figure.get_size_inches()
    name = slide.slide_id if len(slide.slide_id) <= _NAME_CHARACTERS else f"{slide.slide_id[: _NAME_CHARACTERS - 1]}…"
    lines = (
        (OUTCOMES[kind], 0.09, 9, INK, "bold"),
        (f"score {slide.score:+.2f}".replace("-", "−"), 0.28, 8, INK, "normal"),
        (name, 0.46, 7, MUTED, "normal"),
    )
    for text, below, size, colour, weight in lines:
        figure.text(
            _MARGIN_IN / width,
            (top - below) / height,
            text,
            va="center",
            fontsize=size,
            color=colour,
            weight=weight,
            parse_math=False,
        )
