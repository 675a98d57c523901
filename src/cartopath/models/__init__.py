"""Networks: timm backbones with one output per tile, described by a `NetworkSpec`.

Importing this package imports no torch; asking it for a function that needs torch does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from cartopath.models.spec import NetworkSpec

if TYPE_CHECKING:
    from cartopath.models.classifier import TileClassifier, build_network, load_weights, n_parameters, weights_of
    from cartopath.models.denormals import flushed_denormals
    from cartopath.models.torchvision_ops import timm_ready

__all__ = [
    "NetworkSpec",
    "TileClassifier",
    "build_network",
    "flushed_denormals",
    "load_weights",
    "n_parameters",
    "timm_ready",
    "weights_of",
]

_HOME = dict.fromkeys(["TileClassifier", "build_network", "load_weights", "n_parameters", "weights_of"], "classifier")
_HOME |= {"flushed_denormals": "denormals", "timm_ready": "torchvision_ops"}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
