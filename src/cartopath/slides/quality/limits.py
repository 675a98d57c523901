"""From where on something is a flaw. Every number of slide quality that is a judgement, with its reason."""

from __future__ import annotations

from dataclasses import dataclass, field


def _tile_shares() -> dict[str, float]:
    return {
        "pen": 0.10,
        "fold": 0.10,
        "dark": 0.05,
        "blur": 0.50,
        "stain": 0.50,
        "saturated": 0.15,
        "coverslip": 0.05,
        "padding": 0.05,
    }


def _slide_shares() -> dict[str, float]:
    return {
        "pen": 0.02,
        "fold": 0.10,
        "dark": 0.03,
        "blur": 0.20,
        "stain": 0.30,
        "saturated": 0.20,
        "coverslip": 0.03,
        "padding": 0.05,
        "unreadable": 0.01,
    }


def _cohort_differences() -> dict[str, float]:
    return {
        "tissue_mm2": 20.0,
        "sharpness": 0.15,
        "haematoxylin": 0.10,
        "eosin": 0.10,
        "glass_brightness": 15.0,
    }


@dataclass(frozen=True, slots=True)
class QualityLimits:
    """Limits of tiles, of slides, and of slides against their cohort.

    Attributes:
        tile_share: From which share of a tile a flaw flags it. Pen and folds hide what lies beneath, so a tenth is enough; dust
            is small; blur and stain are judged by halves, because a tile may hold little of what shows them. Of tissue on sound
            slides at most 3 % is clipped, but not all of an overexposed tile's still looks like tissue.
        slide_share: From which share of the tissue a flaw flags the slide. Pen is rare and deliberate, so little of it is worth
            a look; folds and dust are on nearly every slide, so only much of them is.
        pen_mm2: Pen on glass harms no tile but tells that someone marked the slide. Smaller than a dot of a pen is chance.
        little_tissue_mm2: Less than two tiles of 256 um: nothing can be said of a patient from it.
        cohort_slides: Fewer slides than this do not show what is usual.
        robust_z: How far from the median, in robust standard deviations (1.4826 MAD), is unusual. Of normal values, 1 in 2
            million lie beyond 5, so that a clean cohort of any size has no flag.
        cohort_difference: The least difference from the median that matters, in the measure's own unit: in a very uniform cohort
            a slide may be many deviations off and still look the same to the eye.
    """

    tile_share: dict[str, float] = field(default_factory=_tile_shares)
    slide_share: dict[str, float] = field(default_factory=_slide_shares)
    pen_mm2: float = 0.5
    little_tissue_mm2: float = 0.1
    cohort_slides: int = 8
    robust_z: float = 5.0
    cohort_difference: dict[str, float] = field(default_factory=_cohort_differences)
