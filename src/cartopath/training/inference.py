"""Running trained networks over tiles: on which device, how precisely, in how many threads; always the same result (F70)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cartopath.models.denormals import flushed_denormals
from cartopath.training.precision import autocast_dtype, resolve_precision
from cartopath.training.transfer import on_device


def over_tiles(
    networks: Sequence[nn.Module],
    function: Callable[[Tensor], Tensor],
    batches: Iterable[NDArray[np.uint8]],
    *,
    width: int,
    device: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
) -> NDArray[np.float32]:
    """Return what a function of networks gives for each tile.

    Every batch is read once, ahead of time in a thread. No dropout, no shuffling; how tiles are grouped into batches changes
    nothing beyond rounding.

    Args:
        networks: Those that `function` calls. They are put in evaluation mode and moved to the device, and afterwards are as they
            were.
        function: Maps (n, 3, h, w) uint8 on the device to (n, width).
        batches: (n, h, w, 3) uint8 arrays.
        width: Values per tile.
        device: `cpu`, `cuda`, `cuda:1`, ..., or `auto`: the first GPU if there is one.
        precision: `32-true`, `16-mixed`, `bf16-mixed` (GPU only), or `auto`: bf16 or 16 on a GPU, 32 elsewhere.
        threads: Of torch on the CPU during the call; None leaves them as they are.

    Returns:
        (n_tiles, width) float32, tiles in their order.

    Raises:
        TrainingError: The precision needs a GPU.
    """
    where = torch.device(device if device != "auto" else "cuda" if torch.cuda.is_available() else "cpu")
    autocast = autocast_dtype(resolve_precision(precision, where.type))
    parts: list[Tensor] = [torch.empty(0, width)]
    with contextlib.ExitStack() as stack:
        stack.enter_context(torch_threads(threads))
        stack.enter_context(flushed_denormals())
        stack.enter_context(torch.inference_mode())
        for network in networks:
            stack.enter_context(_evaluating(network, where))
        for batch in stack.enter_context(contextlib.closing(on_device(batches, where))):
            tiles = batch.permute(0, 3, 1, 2)  # (n, h, w, 3) -> (n, 3, h, w), the memory stays channels-last
            with torch.autocast(where.type, dtype=autocast, enabled=autocast is not None):
                part = function(tiles).float()
            parts[-1] = parts[-1].cpu()  # waits for the batch before, so that a GPU always has work
            parts.append(part)
        parts[-1] = parts[-1].cpu()
    return torch.cat(parts).numpy()


@contextlib.contextmanager
def torch_threads(threads: int | None) -> Generator[None, None, None]:
    """Let torch compute in so many threads while the block runs; None leaves them as they are."""
    before = torch.get_num_threads()
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def _evaluating(network: nn.Module, device: torch.device) -> Generator[None, None, None]:
    """Evaluation mode, on `device`, weights channels-last; mode and device are restored."""
    training = network.training
    home = next((parameter.device for parameter in network.parameters()), device)
    network.eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    try:
        yield
    finally:
        network.train(training).to(home)
