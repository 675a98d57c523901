"""Bringing batches to the device of a network while it works on those before."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cartopath.training.prefetch import prefetched


def on_device(batches: Iterable[NDArray[np.uint8]], device: torch.device) -> Generator[Tensor, None, None]:
    """Yield batches as tensors on a device; they are read, and copied on a GPU's own copying stream, ahead of time.

    A batch in contiguous memory is taken as it is where no copy to a device is needed.
    """
    if device.type != "cuda":
        with contextlib.closing(prefetched(map(_tensor, batches))) as tensors:
            yield from (tensor.to(device) for tensor in tensors)
        return
    copying: torch.cuda.Stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    # The copy into page-locked memory, without which a GPU copies only while it does nothing else, is made in the reading thread.
    with contextlib.closing(prefetched(_tensor(batch).pin_memory() for batch in batches)) as tensors:
        for pinned in tensors:
            with torch.cuda.stream(copying):
                tensor = pinned.to(device, non_blocking=True)
            computing = torch.cuda.current_stream(device)
            computing.wait_stream(copying)
            tensor.record_stream(computing)
            yield tensor


def _tensor(batch: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(batch))
