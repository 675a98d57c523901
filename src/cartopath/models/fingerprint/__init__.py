"""Tissue fingerprints (Rawat et al. 2020): the network, its losses, and the head that reads a receptor's status off them.

Importing this package imports no torch; asking it for a function that needs torch does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from cartopath.models.fingerprint.spec import FingerprintSpec

if TYPE_CHECKING:
    from cartopath.models.fingerprint.losses import fingerprint_loss, style_distance
    from cartopath.models.fingerprint.network import FingerprintNetwork, build_fingerprint_network
    from cartopath.models.fingerprint.receptor_head import ReceptorHead

__all__ = [
    "FingerprintNetwork",
    "FingerprintSpec",
    "ReceptorHead",
    "build_fingerprint_network",
    "fingerprint_loss",
    "style_distance",
]

_HOME = {"FingerprintNetwork": "network", "build_fingerprint_network": "network", "ReceptorHead": "receptor_head"}
_HOME |= {"fingerprint_loss": "losses", "style_distance": "losses"}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
