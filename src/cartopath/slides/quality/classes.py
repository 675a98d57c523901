"""What a place on a slide can be, as numbers and colours of the quality map."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QualityClass:
    """One class of the quality map.

    Attributes:
        number: Its value in the map, uint8.
        colour: Red, green and blue for pictures, 0 to 255. Flaws take the colours of Okabe and Ito, which people with
            colour-blindness can tell apart.
        meaning: One line.
    """

    number: int
    colour: tuple[int, int, int]
    meaning: str


QUALITY_CLASSES: dict[str, QualityClass] = {
    "glass": QualityClass(0, (255, 255, 255), "bare glass"),
    "tissue": QualityClass(1, (222, 216, 220), "tissue without a flaw that was looked for"),
    "pen": QualityClass(2, (0, 114, 178), "pen marks, on tissue or on glass"),
    "fold": QualityClass(3, (213, 94, 0), "tissue folded over itself: darker and more saturated than the rest"),
    "dark": QualityClass(4, (0, 0, 0), "dust, carbon, rims of air bubbles and other dark matter that is no stain"),
    "blur": QualityClass(5, (86, 180, 233), "out of focus"),
    "stain": QualityClass(6, (230, 159, 0), "too pale, too strong, or of a hue that haematoxylin and eosin do not have"),
    "saturated": QualityClass(7, (240, 228, 66), "clipped: brighter or darker than the scanner can tell"),
    "coverslip": QualityClass(8, (0, 158, 115), "edge of the coverslip, or grey beyond it"),
    "padding": QualityClass(9, (160, 160, 160), "filled in by a program: exactly one colour"),
    "unreadable": QualityClass(10, (204, 121, 167), "cannot be decoded"),
}
"""All classes, in the order of their numbers."""

TILE_FLAGS: tuple[str, ...] = ("pen", "fold", "dark", "blur", "stain", "saturated", "coverslip", "padding")
"""The flaws that a tile can have."""

FROM_TILES: tuple[str, ...] = ("blur", "stain", "saturated")
"""Those that need the tile's own pixels; the others are seen on the thumbnail."""
