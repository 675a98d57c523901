"""Where heads are computed."""

from __future__ import annotations

import torch

from cartopath.core.errors import TrainingError


def device_of(name: str) -> torch.device:
    """Return a device by its name; `auto` is the first GPU if there is one, otherwise the CPU.

    Raises:
        TrainingError: It is not there.
    """
    has_gpu = torch.cuda.is_available()
    if name == "auto":
        name = "cuda" if has_gpu else "cpu"
    if name.startswith("cuda") and not has_gpu:
        raise TrainingError(f"'device' is {name!r}, but torch {torch.__version__} sees no CUDA GPU; use 'auto' or 'cpu'")
    return torch.device(name)
