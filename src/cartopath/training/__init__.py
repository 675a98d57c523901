"""Training a tile classifier, keeping it as a bundle, predicting with it.

Importing this package imports neither torch nor Lightning; asking it for a function that needs them does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from cartopath.training.bundle import Bundle, read_bundle, read_card, write_bundle
from cartopath.training.cache import tile_cache_path, write_tile_cache, write_tile_caches
from cartopath.training.source import TileSource
from cartopath.training.spec import TrainingSpec
from cartopath.training.tiles import Example, SlideTiles
from cartopath.training.train import TrainingOutcome, train_classifier, training_key

if TYPE_CHECKING:
    from cartopath.training.predict import predict_tiles

__all__ = [
    "Bundle",
    "Example",
    "SlideTiles",
    "TileSource",
    "TrainingOutcome",
    "TrainingSpec",
    "predict_tiles",
    "read_bundle",
    "read_card",
    "tile_cache_path",
    "train_classifier",
    "training_key",
    "write_bundle",
    "write_tile_cache",
    "write_tile_caches",
]


def __getattr__(name: str) -> Any:
    if name == "predict_tiles":
        return importlib.import_module("cartopath.training.predict").predict_tiles
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
