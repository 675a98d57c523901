"""Make `import timm`, `import lightning` and `import torchmetrics` work beside any build of torch.

All three import torchvision, and torchvision dies on import with `operator torchvision::nms does not exist` when its compiled
operators do not fit the installed torch, which is what a plain install of the CPU build of torch gives. cartopath uses none of
these operators. Declaring the two that torchvision describes at import time is enough.
"""

from __future__ import annotations

import functools
import importlib
import sys

import torch

_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_OPERATORS = ("nms", "qnms")


@functools.cache
def timm_ready() -> torch.library.Library | None:
    """Import torchvision, declaring the operators it misses; call it before the first import of timm or Lightning.

    Returns:
        The library that holds the declarations, or None where torchvision works by itself.

    Raises:
        ImportError: torchvision is not installed.
    """
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
        return _declare_operators()
    return None


def _declare_operators() -> torch.library.Library:
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]  # The half-imported modules of the failed attempt.
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for operator in _OPERATORS:
        library.define(operator + _SCHEMA)  # type: ignore[no-untyped-call]
    importlib.import_module("torchvision")
    return library
