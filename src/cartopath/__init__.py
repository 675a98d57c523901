"""Molecular maps from H&E whole-slide images and one bulk measurement per patient.

The names below are what a notebook needs first; everything else is in the layers: `cartopath.slides`, `cartopath.cohort`,
`cartopath.stats`, `cartopath.maps`, `cartopath.training`, `cartopath.study`, `cartopath.simulate`. Importing this package imports
none of them; asking for a name does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cartopath.core.errors import CartopathError
    from cartopath.slides import Slide, TileSpec, open_slide, plan_tiles, read_tiles, tile_grid
    from cartopath.study import Study, run_study

__all__ = [
    "CartopathError",
    "Slide",
    "Study",
    "TileSpec",
    "open_slide",
    "plan_tiles",
    "read_tiles",
    "run_study",
    "tile_grid",
]

_HOME = dict.fromkeys(["Slide", "TileSpec", "open_slide", "plan_tiles", "read_tiles", "tile_grid"], "cartopath.slides")
_HOME |= {"CartopathError": "cartopath.core.errors", "Study": "cartopath.study", "run_study": "cartopath.study"}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
