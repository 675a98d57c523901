"""Which floating-point precision `auto` means, and which ones a device can do."""

from __future__ import annotations

import torch

from cartopath.core.errors import TrainingError

_AUTOCAST = {"32-true": None, "16-mixed": torch.float16, "bf16-mixed": torch.bfloat16}


def resolve_precision(asked: str, device_type: str) -> str:
    """Return the precision to use: as asked, or for `auto` the best of the device.

    Mixed precision pays on GPUs only: bf16 on a CPU is several times slower than 32 bits.

    Args:
        asked: `auto`, `32-true`, `16-mixed` or `bf16-mixed`.
        device_type: `cpu`, `cuda` or `mps`.

    Raises:
        TrainingError: It is unknown, or needs a GPU.
    """
    if asked == "auto":
        if device_type != "cuda":
            return "32-true"
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "16-mixed"
    if asked not in _AUTOCAST:
        raise TrainingError(f"'precision' must be 'auto' or one of {', '.join(map(repr, _AUTOCAST))}. Got {asked!r} instead.")
    if asked != "32-true" and device_type != "cuda":
        raise TrainingError(f"precision {asked!r} needs a CUDA GPU, and this runs on {device_type!r}; use 'auto' or '32-true'")
    return asked


def autocast_dtype(precision: str) -> torch.dtype | None:
    """Return what torch.autocast computes in; None for full precision."""
    return _AUTOCAST[precision]
