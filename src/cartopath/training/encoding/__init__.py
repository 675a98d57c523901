"""Using frozen encoders: finding their weights, loading them, and turning the tiles of slides into features.

Importing this package imports no torch; loading an encoder does.
"""

from __future__ import annotations

from cartopath.training.encoding.loaded import EncodingCard, LoadedEncoder
from cartopath.training.encoding.loading import load_encoder

__all__ = ["EncodingCard", "LoadedEncoder", "load_encoder"]
