"""Multiple-instance heads: a value and a weight for every tile of a bag, many heads computed at once (Graziani et al. 2022; F60).

Importing this package imports no torch; asking it for a function that needs torch does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from cartopath.models.mil.spec import HEADS, TARGETS, MilSpec
from cartopath.models.mil.supertiles import Supertiles, supertiles

if TYPE_CHECKING:
    from cartopath.models.mil.heads import Pooled, pooled
    from cartopath.models.mil.parameters import by_name, initial_parameters, parameter_shapes
    from cartopath.models.mil.pooling import pooling_weights
    from cartopath.models.mil.scratch import Scratch
    from cartopath.models.mil.written_gradients import attention_gradients, attention_predictions, has_written_gradients

__all__ = [
    "HEADS",
    "TARGETS",
    "MilSpec",
    "Pooled",
    "Scratch",
    "Supertiles",
    "attention_gradients",
    "attention_predictions",
    "by_name",
    "has_written_gradients",
    "initial_parameters",
    "parameter_shapes",
    "pooled",
    "pooling_weights",
    "supertiles",
]

_HOME = {"Scratch": "scratch", "Pooled": "heads", "pooled": "heads", "pooling_weights": "pooling"}
_HOME |= dict.fromkeys(["by_name", "initial_parameters", "parameter_shapes"], "parameters")
_HOME |= dict.fromkeys(["attention_gradients", "attention_predictions", "has_written_gradients"], "written_gradients")


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
