"""Frozen encoders: what is known of each, and networks built as their weights need them.

Importing this package imports no torch; asking it for a function that needs torch does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from cartopath.models.encoders.card import EncoderCard
from cartopath.models.encoders.registry import ENCODERS, find_encoder

if TYPE_CHECKING:
    from cartopath.models.encoders.layouts import load_published
    from cartopath.models.encoders.network import EncoderNetwork, build_encoder
    from cartopath.models.encoders.timm_models import build_timm, timm_card

__all__ = [
    "ENCODERS",
    "EncoderCard",
    "EncoderNetwork",
    "build_encoder",
    "build_timm",
    "find_encoder",
    "load_published",
    "timm_card",
]

_HOME = {"EncoderNetwork": "network", "build_encoder": "network", "load_published": "layouts"}
_HOME |= {"build_timm": "timm_models", "timm_card": "timm_models"}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
