"""Style transfer by CycleGAN (Zhu et al. 2017; Rawat et al. 2020, Methods): trained without pairs, resumed, applied to tiles.

Importing this package imports neither torch nor Lightning; asking it for a function that needs them does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from cartopath.training.cyclegan.bundle import CycleGanCard, read_cyclegan_card, write_generators
from cartopath.training.cyclegan.spec import CycleGanSpec
from cartopath.training.cyclegan.tiles import ImageFiles, read_image, slide_tiles
from cartopath.training.cyclegan.train import CycleGanOutcome, train_cyclegan

if TYPE_CHECKING:
    from cartopath.training.cyclegan.apply import Restyler, load_generator, restyle_files

__all__ = [
    "CycleGanCard",
    "CycleGanOutcome",
    "CycleGanSpec",
    "ImageFiles",
    "Restyler",
    "load_generator",
    "read_cyclegan_card",
    "read_image",
    "restyle_files",
    "slide_tiles",
    "train_cyclegan",
    "write_generators",
]


def __getattr__(name: str) -> Any:
    if name in ("Restyler", "load_generator", "restyle_files"):
        return getattr(importlib.import_module(f"{__name__}.apply"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
