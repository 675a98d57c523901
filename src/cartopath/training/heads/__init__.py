"""Receptor heads: from the features of a patient's tiles to the patient's status (Rawat et al. 2020, Methods; F52).

Importing this package imports no torch; asking it for a function that needs torch does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from cartopath.training.heads.bags import Bag
from cartopath.training.heads.bundle import (
    HeadBundle,
    HeadCard,
    HeadEncoder,
    read_head_bundle,
    read_head_card,
    read_head_encoder,
    write_head_bundle,
)
from cartopath.training.heads.spec import HeadTraining
from cartopath.training.heads.train import HeadOutcome, train_receptor_head

if TYPE_CHECKING:
    from cartopath.training.heads.scores import head_of, head_scores

__all__ = [
    "Bag",
    "HeadBundle",
    "HeadCard",
    "HeadEncoder",
    "HeadOutcome",
    "HeadTraining",
    "head_of",
    "head_scores",
    "read_head_bundle",
    "read_head_card",
    "read_head_encoder",
    "train_receptor_head",
    "write_head_bundle",
]


def __getattr__(name: str) -> Any:
    if name not in ("head_of", "head_scores"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("cartopath.training.heads.scores"), name)
