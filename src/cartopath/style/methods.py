"""The methods of restyling by their names, and the styles they fit as JSON files."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import ArtifactError, ConfigError, closest
from cartopath.store.artifacts import Header, read_json, write_json
from cartopath.style.hed import Hed, HedStyle
from cartopath.style.macenko import Macenko, MacenkoStyle
from cartopath.style.reinhard import SPACES, Reinhard, ReinhardStyle

Style = MacenkoStyle | ReinhardStyle | HedStyle

METHODS: dict[str, Macenko | Reinhard | Hed] = {"macenko": Macenko(), "reinhard": Reinhard(), "hed": Hed()}
"""Each method with its usual settings."""
KIND = "style"
VERSION = 1

# How many numbers a field holds where it is not three; 0 for a plain number.
_LENGTHS = {"strengths": 2, "residual": 0}
_STYLES: dict[str, type[Style]] = {style.method: style for style in (MacenkoStyle, ReinhardStyle, HedStyle)}


def fit_style(tiles: Iterable[NDArray[np.uint8]] | NDArray[np.uint8], method: str = "macenko") -> Style:
    """Return the style of tiles: of a slide, of a site, of a single tile.

    Args:
        tiles: Each uint8 (height, width, 3), of any size, or an array of them.
        method: One of `METHODS`.

    Raises:
        ConfigError: There is no such method.
        StatisticsError: There is too little tissue, or it has one colour only.
    """
    if method not in METHODS:
        near = closest(method, METHODS)
        raise ConfigError(
            f"no restyling method {method!r} (there are {', '.join(METHODS)}{'; closest: ' + near[0] if near else ''})"
        )
    return METHODS[method].fit(tiles)


def restyle(tile: NDArray[np.uint8], source: Style, target: Style, *, spares_glass: bool = False) -> NDArray[np.uint8]:
    """Return a tile, or tiles, in another style.

    Args:
        tile: uint8 (..., height, width, 3) RGB.
        source: Style of the slide it is from.
        target: Style it is to have, fitted by the same method.
        spares_glass: Whether `reinhard` and `hed` leave clear glass as it is; `macenko` always does.

    Returns:
        uint8 of the same shape.

    Raises:
        ConfigError: The styles are of different methods.
    """
    match source, target:
        case MacenkoStyle(), MacenkoStyle():
            return Macenko().transform(tile, source, target)
        case ReinhardStyle(), ReinhardStyle():
            return Reinhard(space=source.space, spares_glass=spares_glass).transform(tile, source, target)
        case HedStyle(), HedStyle():
            return Hed(spares_glass=spares_glass).transform(tile, source, target)
    raise ConfigError(f"a tile cannot go from a {source.method} style to a {target.method} style; fit both by one method")


def write_style(style: Style, path: Path | str, *, key: str = "") -> None:
    """Write a style as JSON.

    Args:
        style: What `fit_style` returned.
        path: The file.
        key: Of the task that fitted it.
    """
    content = {"method": style.method, "style": dataclasses.asdict(style)}
    write_json(content, path, Header(kind=KIND, version=VERSION, key=key))


def read_style(path: Path | str) -> Style:
    """Read what `write_style` wrote.

    Raises:
        ArtifactError: The file is missing, damaged, newer than this program, or holds no style.
    """
    content = read_json(path, KIND, version=VERSION)
    try:
        style = _STYLES[content["method"]](**{name: _value(value) for name, value in content["style"].items()})
        _check(style)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ArtifactError(f"{path}: no style that this program knows ({error}); fit it again") from error
    return style


def _value(value: Any) -> Any:
    return tuple(map(_finite, value)) if isinstance(value, list) else value if isinstance(value, str) else _finite(value)


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("a number is not finite")
    return number


def _check(style: Style) -> None:
    """Refuse what no fit returns: styles from elsewhere would only fail at the first tile, or not at all."""
    for field in dataclasses.fields(style):
        value, length = getattr(style, field.name), _LENGTHS.get(field.name, 3)
        if field.name == "space":
            if value not in SPACES:
                raise ValueError(f"unknown colour space {value!r}")
        elif np.shape(value) != ((length,) if length else ()):
            raise ValueError(f"{field.name!r} must be {length or 'one number, not a list of'} numbers")
        elif field.name in ("sd", "strengths", "white") and not all(number > 0 for number in value):
            raise ValueError(f"{field.name!r} must be positive")
    if isinstance(style, MacenkoStyle) and not style.angle_degrees > 0:
        raise ValueError("its two stain vectors are the same")
