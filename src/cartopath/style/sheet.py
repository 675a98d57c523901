"""Example sheets of a style transfer: source, transferred, back again, both ways (compare Fig. 2 of Rawat et al. 2020)."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import StatisticsError
from cartopath.style.measures import gradient_correlation
from cartopath.style.tissue import check_tile

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Restyling = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]

_INK, _MUTED = "#222222", "#666666"
_TILE_IN, _GAP_IN, _BLOCK_GAP_IN = 1.15, 0.06, 0.3
_MARGIN_IN, _HEAD_IN, _NOTE_IN = 0.12, 0.75, 0.17
_DPI = 120


@dataclass(frozen=True, eq=False, slots=True)
class StyleExample:
    """One tile on its way there and back.

    Attributes:
        source: As it was, uint8 (height, width, 3).
        transferred: In the other style.
        back: Returned to its own style.
    """

    source: NDArray[np.uint8]
    transferred: NDArray[np.uint8]
    back: NDArray[np.uint8]


def style_examples(
    tiles: Sequence[NDArray[np.uint8]] | NDArray[np.uint8], there: Restyling, back: Restyling
) -> list[StyleExample]:
    """Return tiles with what a transfer makes of them.

    Args:
        tiles: Each uint8 (height, width, 3).
        there: From their style to the other one.
        back: From the other style to theirs.
    """
    examples = []
    for tile in tiles:
        transferred = there(tile)
        examples.append(StyleExample(tile, transferred, back(transferred)))
    return examples


def style_sheet(
    forward: Sequence[StyleExample], backward: Sequence[StyleExample], *, names: tuple[str, str], title: str = "Style transfer"
) -> bytes:
    """Return a sheet of examples as PNG: at the left from the first style to the second and back, at the right the reverse.

    Under each transferred tile stands the correlation of its gradients with those of its source, under each returned tile the
    mean difference of its pixels from the source, in grey values.

    Args:
        forward: Tiles of the first style.
        backward: Tiles of the second style. Both lists may have different lengths, and one may be empty.
        names: Of the two styles.
        title: Printed above.

    Raises:
        ValueError: There is no example, or a picture is no tile.
    """
    from matplotlib.figure import Figure

    n_rows = max(len(forward), len(backward))
    if not n_rows:
        raise ValueError("a style sheet needs at least one example")
    row_in = _TILE_IN + _NOTE_IN + _GAP_IN
    block_in = 3 * _TILE_IN + 2 * _GAP_IN
    width, height = 2 * _MARGIN_IN + 2 * block_in + _BLOCK_GAP_IN, _MARGIN_IN + _HEAD_IN + n_rows * row_in
    figure = Figure(figsize=(width, height), dpi=_DPI, facecolor="white")
    figure.text(_MARGIN_IN / width, 1 - 0.2 / height, title, fontsize=10, color=_INK, va="center", parse_math=False)
    for number, (examples, (own, other)) in enumerate(((forward, names), (backward, names[::-1]))):
        block_left = _MARGIN_IN + number * (block_in + _BLOCK_GAP_IN)
        for column, text in enumerate((own, f"as {other}", f"back to {own}") if examples else ()):
            left = block_left + column * (_TILE_IN + _GAP_IN)
            top = (height - _HEAD_IN + 0.12) / height
            figure.text((left + _TILE_IN / 2) / width, top, text, fontsize=7.5, color=_INK, ha="center", parse_math=False)
        for row, example in enumerate(examples):
            bottom = height - _HEAD_IN - row * row_in - _TILE_IN
            for column, (picture, note) in enumerate(_pictures(example)):
                left = block_left + column * (_TILE_IN + _GAP_IN)
                axes = figure.add_axes((left / width, bottom / height, _TILE_IN / width, _TILE_IN / height))
                _draw(axes, picture, note)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _pictures(example: StyleExample) -> list[tuple[NDArray[np.uint8], str]]:
    for picture in (example.source, example.transferred, example.back):
        check_tile(picture)
    try:
        kept = f"edges kept {gradient_correlation(example.source, example.transferred):.3f}"
    except StatisticsError:
        kept = "no edges"
    error = np.abs(example.back.astype(np.float32) - example.source.astype(np.float32)).mean()
    return [(example.source, ""), (example.transferred, kept), (example.back, f"differs by {error:.1f}")]


def _draw(axes: Axes, picture: NDArray[np.uint8], note: str) -> None:
    axes.imshow(picture, interpolation="antialiased", aspect="equal")
    axes.set_axis_off()
    if note:
        axes.text(0.5, -0.03, note, transform=axes.transAxes, fontsize=6.5, color=_MUTED, ha="center", va="top")
