"""What a TIFF says about its resolution, under the names that OpenSlide gives to the same things."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

_X_RESOLUTION, _Y_RESOLUTION, _UNIT = 282, 283, 296
_APERIO = ("MPP", "AppMag")
_UNITS = {1: "none", 2: "inch", 3: "centimeter"}


def tiff_properties(tiff: Any, page: Any) -> Mapping[str, str]:
    """Return the properties of an open TIFF.

    Args:
        tiff: An open `tifffile.TiffFile`.
        page: The page of the slide's finest level. The description of an OME-TIFF is that of the file's first page.
    """
    found = {"tiff.ImageDescription": str(tiff.pages[0].description if tiff.pages[0].is_ome else page.description)}
    for name, tag in (("tiff.XResolution", _X_RESOLUTION), ("tiff.YResolution", _Y_RESOLUTION)):
        per_unit = _ratio(page.tags.valueof(tag))
        if per_unit is not None:
            found[name] = f"{per_unit:.12g}"
    unit = page.tags.valueof(_UNIT, 2)
    found["tiff.ResolutionUnit"] = _UNITS.get(int(unit), str(int(unit)))
    description = found["tiff.ImageDescription"]
    for name in _APERIO if description.startswith("Aperio") else ():
        stated = re.findall(rf"\|\s*{name}\s*=\s*([0-9.,eE+-]+)", description)
        if stated:  # the last one counts, and some scanners write a decimal comma
            found[f"aperio.{name}"] = stated[-1].replace(",", ".")
    return MappingProxyType({name: value for name, value in found.items() if value})


def _ratio(value: Any) -> float | None:
    """Return a rational as TIFF stores it, numerator and denominator."""
    if not isinstance(value, tuple) or len(value) != 2 or not value[1]:
        return None
    return float(value[0] / value[1])
