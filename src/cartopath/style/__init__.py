"""Restyling tiles by optical density and colour statistics: what one slide looks like in the stain of another.

Three methods, each a small class: `Macenko` (stain vectors), `Reinhard` (mean and spread of colour), `Hed` (fixed vectors).
`fit` on some tiles gives a style, a frozen dataclass of numbers that `write_style` keeps as JSON, and
`transform(tile, source, target)` takes tiles from one style to another; `fit_style` and `restyle` do both by name. `StainJitter`
changes stains at random, to augment. `gradient_correlation`, `colour_distance` and `transfer_quality` tell how good any transfer
is, those of networks included; `style_sheet` shows it.
"""

from cartopath.style.hed import Hed, HedStyle, hed_amounts
from cartopath.style.jitter import StainChange, StainJitter
from cartopath.style.macenko import Macenko, MacenkoStyle, vector_angle_degrees
from cartopath.style.measures import (
    ColourDistance,
    ColourStatistics,
    TransferQuality,
    colour_distance,
    colour_statistics,
    gradient_correlation,
    transfer_quality,
)
from cartopath.style.methods import METHODS, Style, fit_style, read_style, restyle, write_style
from cartopath.style.reinhard import Reinhard, ReinhardStyle
from cartopath.style.sheet import StyleExample, style_examples, style_sheet

__all__ = [
    "METHODS",
    "ColourDistance",
    "ColourStatistics",
    "Hed",
    "HedStyle",
    "Macenko",
    "MacenkoStyle",
    "Reinhard",
    "ReinhardStyle",
    "StainChange",
    "StainJitter",
    "Style",
    "StyleExample",
    "TransferQuality",
    "colour_distance",
    "colour_statistics",
    "fit_style",
    "gradient_correlation",
    "hed_amounts",
    "read_style",
    "restyle",
    "style_examples",
    "style_sheet",
    "transfer_quality",
    "vector_angle_degrees",
    "write_style",
]
