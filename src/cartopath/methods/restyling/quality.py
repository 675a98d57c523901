"""How good a transfer is, both ways, and a sheet of examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.core.errors import StatisticsError
from cartopath.methods.restyling.transfers import Restyling
from cartopath.style import TransferQuality, gradient_correlation, style_examples, style_sheet, transfer_quality

STRUCTURE_KEPT = 0.9
"""Gradient correlation below which a transfer has changed the tissue, not only its stain."""
_MOST_JUDGED = 24
_LONGEST_NAME = 11

Tile = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class BothWays:
    """A transfer in both directions.

    Attributes:
        names: Of the two styles.
        forward: From the first to the second.
        backward: From the second to the first.
        sheet: Examples, PNG.
    """

    names: tuple[str, str]
    forward: TransferQuality
    backward: TransferQuality
    sheet: bytes

    @property
    def keeps_structure(self) -> bool:
        """Whether edges are kept in both directions."""
        return min(self.forward.gradient_correlation, self.backward.gradient_correlation) >= STRUCTURE_KEPT

    def table(self) -> pd.DataFrame:
        """Return one row per direction."""
        first, second = self.names
        return pd.DataFrame([_row(first, second, self.forward), _row(second, first, self.backward)])


def _row(source: str, target: str, quality: TransferQuality) -> dict[str, object]:
    return {
        "from": source,
        "to": target,
        "n_tiles": quality.n_tiles,
        "gradient_correlation": quality.gradient_correlation,
        "colour_distance_before": quality.before.mean,
        "colour_distance_after": quality.after.mean,
        "distribution_distance_before": quality.before.distribution,
        "distribution_distance_after": quality.after.distribution,
        "keeps_structure": quality.gradient_correlation >= STRUCTURE_KEPT,
    }


def judge(
    first: Sequence[Tile],
    second: Sequence[Tile],
    there: Restyling,
    back: Restyling,
    *,
    names: tuple[str, str],
    n_examples: int = 6,
    title: str = "Style transfer",
) -> BothWays:
    """Restyle tiles both ways, measure what became of structure and colour, and draw examples.

    Args:
        first: Tiles of the first style; some are judged, evenly spread.
        second: Tiles of the second.
        there: From the first to the second.
        back: From the second to the first.
        names: Of the styles.
        n_examples: Rows of the sheet.
        title: Of the sheet.

    Raises:
        StatisticsError: The tiles of a style show too little tissue, or none has edges.
    """
    judged = _spread(_with_edges(first, names[0])), _spread(_with_edges(second, names[1]))
    made = [there(tile) for tile in judged[0]], [back(tile) for tile in judged[1]]
    examples = [tiles[:: max(1, len(tiles) // n_examples)][:n_examples] for tiles in judged]
    shown, title = _shown(names, title)
    sheet = style_sheet(
        style_examples(examples[0], there, back), style_examples(examples[1], back, there), names=shown, title=title
    )
    return BothWays(
        names=names,
        forward=transfer_quality(judged[0], made[0], judged[1]),
        backward=transfer_quality(judged[1], made[1], judged[0]),
        sheet=sheet,
    )


def _shown(names: tuple[str, str], title: str) -> tuple[tuple[str, str], str]:
    """Names that fit above the columns of a sheet, and a title that explains them."""
    if max(map(len, names)) <= _LONGEST_NAME:
        return names, f"{title}: {names[0]} and {names[1]}"
    return ("A", "B"), f"{title}: A is {names[0]}, B is {names[1]}"


def _spread(tiles: list[Tile]) -> list[Tile]:
    if len(tiles) <= _MOST_JUDGED:
        return tiles
    return [tiles[number] for number in np.linspace(0, len(tiles) - 1, _MOST_JUDGED).round().astype(int).tolist()]


def _with_edges(tiles: Sequence[Tile], name: str) -> list[Tile]:
    kept = []
    for tile in tiles:
        try:
            gradient_correlation(tile, tile)
        except StatisticsError:
            continue
        kept.append(tile)
    if not kept:
        raise StatisticsError(f"none of the {len(tiles)} tiles of {name} shows anything with edges")
    return kept
