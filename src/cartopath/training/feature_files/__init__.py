"""Features of tiles that any program has computed: found, recognised by what is in them, read, and written for TRIDENT's readers.

Importing this package imports no torch; only reading a `.pt` file does.
"""

from __future__ import annotations

from cartopath.training.feature_files.features import TileFeatures
from cartopath.training.feature_files.finding import find_feature_files
from cartopath.training.feature_files.mapping import map_features
from cartopath.training.feature_files.reading import FORMATS, fatal_feature_files, read_features
from cartopath.training.feature_files.writing import write_trident

__all__ = [
    "FORMATS",
    "TileFeatures",
    "fatal_feature_files",
    "find_feature_files",
    "map_features",
    "read_features",
    "write_trident",
]
