"""Training a fingerprint network on the identity of pieces of tissue, keeping it, fingerprinting with it (Rawat et al. 2020).

Importing this package imports neither torch nor Lightning; asking it for a function that needs them does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from cartopath.training.fingerprint.bundle import (
    FingerprintBundle,
    FingerprintCard,
    read_fingerprint,
    read_fingerprint_card,
    write_fingerprint,
)
from cartopath.training.fingerprint.changes import AugmentationSpec
from cartopath.training.fingerprint.cores import ArrayCore, ArrayGrid, find_cores
from cartopath.training.fingerprint.halves import half_fingerprints
from cartopath.training.fingerprint.making_pieces import PieceFile, SlideOfPatient, array_pieces, file_pieces, region_pieces
from cartopath.training.fingerprint.pieces import Picture, Piece
from cartopath.training.fingerprint.places import usable_pieces
from cartopath.training.fingerprint.spec import FingerprintTraining
from cartopath.training.fingerprint.train import FingerprintOutcome, fingerprint_key, train_fingerprint

if TYPE_CHECKING:
    from cartopath.training.fingerprint.extract import fingerprint_tiles, piece_probabilities

__all__ = [
    "ArrayCore",
    "ArrayGrid",
    "AugmentationSpec",
    "FingerprintBundle",
    "FingerprintCard",
    "FingerprintOutcome",
    "FingerprintTraining",
    "Picture",
    "Piece",
    "PieceFile",
    "SlideOfPatient",
    "array_pieces",
    "file_pieces",
    "find_cores",
    "fingerprint_key",
    "fingerprint_tiles",
    "half_fingerprints",
    "piece_probabilities",
    "read_fingerprint",
    "read_fingerprint_card",
    "region_pieces",
    "train_fingerprint",
    "usable_pieces",
    "write_fingerprint",
]


def __getattr__(name: str) -> Any:
    if name not in ("fingerprint_tiles", "piece_probabilities"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("cartopath.training.fingerprint.extract"), name)
