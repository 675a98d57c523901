"""Which accelerator, how many devices and which precision a spec comes down to on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from cartopath.core.errors import TrainingError
from cartopath.training.precision import resolve_precision
from cartopath.training.spec import TrainingSpec


@dataclass(frozen=True, slots=True)
class Hardware:
    """What Lightning is told.

    Attributes:
        accelerator: `cpu`, `cuda` or `mps`.
        devices: A number or a list of indices.
        n_devices: How many on this machine.
        strategy: `auto` for one device, `ddp_spawn` for several, or what the spec asks for.
        precision: Never `auto`.
    """

    accelerator: str
    devices: Any
    n_devices: int
    strategy: str
    precision: Any

    @property
    def spawns(self) -> bool:
        """Whether Lightning starts processes of its own that must be sent everything."""
        return "spawn" in self.strategy


def resolve_hardware(spec: TrainingSpec) -> Hardware:
    """Decide on what to train.

    Several devices mean DDP in spawned processes: Lightning's own default would start the user's whole program once per device.

    Raises:
        TrainingError: The devices are not there, the precision needs a GPU, or the batch cannot be shared evenly.
    """
    has_cuda = torch.cuda.is_available()
    accelerator = {"auto": "cuda" if has_cuda else "cpu", "gpu": "cuda"}.get(spec.accelerator, spec.accelerator)
    if accelerator not in ("cpu", "cuda", "mps"):
        raise TrainingError(
            f"'accelerator' must be one of 'auto', 'cpu', 'gpu', 'cuda', 'mps'. Got {spec.accelerator!r} instead."
        )
    if accelerator == "cuda" and not has_cuda:
        raise TrainingError(
            f"'accelerator' is {spec.accelerator!r}, but torch {torch.__version__} sees no CUDA GPU; use 'auto' or 'cpu'"
        )
    there = torch.cuda.device_count() if accelerator == "cuda" else None
    devices, n_devices = _devices(spec.devices, there)
    if spec.batch_size % n_devices:
        raise TrainingError(f"a 'batch_size' of {spec.batch_size} cannot be shared evenly by {n_devices} devices")
    strategy = spec.strategy if spec.strategy != "auto" or n_devices == 1 else "ddp_spawn"
    return Hardware(accelerator, devices, n_devices, strategy, resolve_precision(spec.precision, accelerator))


def _devices(asked: int | tuple[int, ...] | str, there: int | None) -> tuple[Any, int]:
    if asked == "auto":
        return there or 1, there or 1
    if isinstance(asked, str) or asked == () or asked == 0 or (isinstance(asked, int) and asked < -1):
        raise TrainingError(f"'devices' must be a number, a tuple of indices or 'auto'. Got {asked!r} instead.")
    if asked == -1:
        return there or 1, there or 1
    n_devices = asked if isinstance(asked, int) else len(asked)
    if there is not None and (n_devices > there or (isinstance(asked, tuple) and max(asked) >= there)):
        raise TrainingError(f"'devices' asks for {asked!r}; this machine has {there} GPUs")
    return (asked if isinstance(asked, int) else list(asked)), n_devices
