"""Training multiple-instance heads: from the features of tiles to what was measured of patients, many at once (F60).

Importing this package imports no torch; asking it for a function that needs torch does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from cartopath.training.mil.bags import Bag
from cartopath.training.mil.bundle import MilBundle, MilCard, MilEncoder, read_mil_bundle, read_mil_card, write_mil_bundle
from cartopath.training.mil.head import MilHead, Outcome
from cartopath.training.mil.jobs import Job
from cartopath.training.mil.scaling import FeatureScaling
from cartopath.training.mil.spec import MilTraining
from cartopath.training.mil.train import iter_trained, train_heads

if TYPE_CHECKING:
    from cartopath.training.mil.lots import Trained
    from cartopath.training.mil.predict import BagPrediction, predict_bag, predict_many

__all__ = [
    "Bag",
    "BagPrediction",
    "FeatureScaling",
    "Job",
    "MilBundle",
    "MilCard",
    "MilEncoder",
    "MilHead",
    "MilTraining",
    "Outcome",
    "Trained",
    "iter_trained",
    "predict_bag",
    "predict_many",
    "read_mil_bundle",
    "read_mil_card",
    "train_heads",
    "write_mil_bundle",
]


_HOME = {"BagPrediction": "predict", "Trained": "lots", "predict_bag": "predict", "predict_many": "predict"}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
