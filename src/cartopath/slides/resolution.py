"""How many micrometres a level-0 pixel of a slide is, and who says so.

In order: a value stated by the user's table, then what the file says (OpenSlide's own property, Aperio's, OME's, ImageJ's, the
TIFF resolution tags, the density of a PNG or JPEG if it is on the scale of a microscope), then a value the user allows to be
assumed. Without any of them there is no answer: guessing would silently change the size of every tile ([A19]; the published code
assumed 0.254).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cartopath.core.errors import ResolutionError
from cartopath.slides.backends.ome import main_image

MIN_MPP, MAX_MPP = 0.05, 20.0
"""Micrometres per pixel that a slide can have; 72 dpi, which programs write without thinking, is 353."""
MAX_ANISOTROPY = 0.01
"""Pixels may be this much wider than high (or the reverse); the value along x is used."""

_UM_PER_UNIT = {"inch": 25_400.0, "centimeter": 10_000.0}
_UM_PER_IMAGEJ_UNIT = {
    "nm": 1e-3,
    "micron": 1.0,
    "microns": 1.0,
    "um": 1.0,
    "µm": 1.0,
    "μm": 1.0,
    "mm": 1e3,
    "cm": 1e4,
    "inch": 25_400.0,
}
_DENSITIES = ("png.pHYs", "jpeg.density")
WAY_OUT = "state it: `mpp` column of the slide table, `slides.assume_mpp`, or --assume-mpp"
WAY_OUT_NOT_SQUARE = "state the right value in the `mpp` column of the slide table"
"""How messages about missing and about oblong pixels end."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """Micrometres per level-0 pixel and where the number comes from.

    Attributes:
        mpp: Micrometres per level-0 pixel.
        source: `table`, `assume_mpp`, or the property of the file, such as `openslide.mpp-x`, `aperio.MPP`,
            `ome.PhysicalSizeX`, `imagej.unit`, `tiff.XResolution`, `png.pHYs`, `jpeg.density`.
        in_file: What the file itself says, where it says something plausible; differs from `mpp` only if a table overrules it.
    """

    mpp: float
    source: str
    in_file: float | None = None


@dataclass(frozen=True, slots=True)
class _Declared:
    source: str
    x: float
    y: float

    @property
    def is_plausible(self) -> bool:
        return _is_plausible(self.x) and _is_plausible(self.y)

    @property
    def is_square(self) -> bool:
        return abs(self.x - self.y) <= MAX_ANISOTROPY * max(self.x, self.y)


def resolve(properties: Mapping[str, str], *, path: Path, stated: float | None, assumed: float | None) -> Resolution:
    """Return the resolution of a slide with these properties.

    Args:
        properties: What the file says about itself, under OpenSlide's names.
        path: The slide, for messages.
        stated: From the user's slide table; wins.
        assumed: To be used only when the file says nothing plausible.

    Raises:
        ResolutionError: Nothing is known, a stated value is impossible, or the file's pixels are not square.
    """
    declared = list(_declared(properties))
    usable = next((one for one in declared if one.is_plausible), None)
    in_file = usable.x if usable is not None and usable.is_square else None
    if stated is not None:
        return Resolution(_checked(stated, path, "stated are"), "table", in_file)
    if usable is not None and not usable.is_square:
        raise ResolutionError(
            f"{path}: its pixels are not square ({usable.source}: {usable.x:g} x {usable.y:g} um); "
            f"if that is wrong, {WAY_OUT_NOT_SQUARE}"
        )
    if usable is not None:
        return Resolution(usable.x, usable.source, usable.x)
    if assumed is not None:
        return Resolution(_checked(assumed, path, "assume_mpp is"), "assume_mpp")
    raise ResolutionError(f"{path}: {_explain(declared, properties)}; {WAY_OUT}")


def _is_plausible(mpp: float) -> bool:
    return math.isfinite(mpp) and MIN_MPP <= mpp <= MAX_MPP


def _checked(mpp: float, path: Path, who: str) -> float:
    if not _is_plausible(mpp):
        raise ResolutionError(f"{path}: {who} {mpp:g} um per pixel; a slide has {MIN_MPP:g} to {MAX_MPP:g}")
    return float(mpp)


def _explain(declared: list[_Declared], properties: Mapping[str, str]) -> str:
    if declared:
        found = ", ".join(f"{one.source} {one.x:g} um" for one in declared)
        text = f"no usable micrometres per pixel ({found} is not between {MIN_MPP:g} and {MAX_MPP:g})"
    else:
        text = "it does not say how many micrometres a pixel is"
    power = _number(properties.get("openslide.objective-power", properties.get("aperio.AppMag", "")))
    if power is not None and power > 0:
        text += f" (it claims a {power:g}x objective: usually near {10 / power:g})"
    return text


def _declared(properties: Mapping[str, str]) -> Iterator[_Declared]:
    """Yield what the file says about its resolution, most trustworthy first."""
    for source, x_key, y_key in (("openslide.mpp-x", "openslide.mpp-x", "openslide.mpp-y"), ("aperio.MPP",) * 3):
        x = _number(properties.get(x_key, ""))
        if x is not None:
            y = _number(properties.get(y_key, ""))
            yield _Declared(source, x, x if y is None else y)
    description = properties.get("tiff.ImageDescription", "")
    yield from _declared_by_ome(description)
    yield from _declared_by_imagej(description, properties)
    yield from _declared_by_tiff(properties)
    yield from _declared_by_density(properties)


def _declared_by_ome(description: str) -> Iterator[_Declared]:
    image = main_image(description)
    if image is not None and image.mpp_x is not None:
        yield _Declared("ome.PhysicalSizeX", image.mpp_x, image.mpp_x if image.mpp_y is None else image.mpp_y)


def _declared_by_imagej(description: str, properties: Mapping[str, str]) -> Iterator[_Declared]:
    """ImageJ puts pixels per unit into the TIFF tags and the unit into the description."""
    unit = re.search(r"^unit=(.*)$", description, re.MULTILINE) if description.startswith("ImageJ=") else None
    um_per_unit = _UM_PER_IMAGEJ_UNIT.get(unit.group(1).strip().replace("\\u00B5", "µ")) if unit else None
    yield from _declared_per_unit("imagej.unit", um_per_unit, properties)


def _declared_by_tiff(properties: Mapping[str, str]) -> Iterator[_Declared]:
    um_per_unit = _UM_PER_UNIT.get(properties.get("tiff.ResolutionUnit", "inch"))
    yield from _declared_per_unit("tiff.XResolution", um_per_unit, properties)


def _declared_per_unit(source: str, um_per_unit: float | None, properties: Mapping[str, str]) -> Iterator[_Declared]:
    x = _number(properties.get("tiff.XResolution", ""))
    y = _number(properties.get("tiff.YResolution", ""))
    if um_per_unit is not None and x is not None and x > 0:
        yield _Declared(source, um_per_unit / x, um_per_unit / (y if y is not None and y > 0 else x))


def _declared_by_density(properties: Mapping[str, str]) -> Iterator[_Declared]:
    for source in _DENSITIES:
        x, y = (_number(properties.get(f"{source}-{axis}", "")) for axis in "xy")
        if x is not None and y is not None and x > 0 and y > 0:
            yield _Declared(source, _UM_PER_UNIT["inch"] / x, _UM_PER_UNIT["inch"] / y)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
