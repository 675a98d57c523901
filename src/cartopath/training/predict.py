"""Scores of tiles from one or several trained networks, the same on every call (F70)."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cartopath.core.errors import TrainingError
from cartopath.models.denormals import flushed_denormals
from cartopath.training.precision import autocast_dtype, resolve_precision
from cartopath.training.transfer import on_device
from cartopath.training.validation import probabilities


def predict_tiles(
    networks: Sequence[nn.Module],
    batches: Iterable[NDArray[np.uint8]],
    *,
    device: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
) -> NDArray[np.float32]:
    """Return the probability that each tile is positive, from each network.

    Every batch is read once, ahead of time in a thread, and goes through all networks. No dropout, no shuffling; how tiles are
    grouped into batches changes nothing beyond rounding.

    Args:
        networks: Map (n, 3, h, w) uint8 to (n,) logits. They are put in evaluation mode and moved to `device`, and afterwards
            are as they were.
        batches: (n, h, w, 3) uint8 arrays.
        device: `cpu`, `cuda`, `cuda:1`, ..., or `auto`: the first GPU if there is one.
        precision: `32-true`, `16-mixed`, `bf16-mixed` (GPU only), or `auto`: bf16 or 16 on a GPU, 32 elsewhere.
        threads: Of torch on the CPU during the call; None leaves them as they are.

    Returns:
        (n_tiles, n_networks) float32 in 0..1, tiles in their order.

    Raises:
        TrainingError: There is no network, or the precision needs a GPU.
    """
    if not networks:
        raise TrainingError("a prediction needs at least one network")
    where = torch.device(device if device != "auto" else "cuda" if torch.cuda.is_available() else "cpu")
    autocast = autocast_dtype(resolve_precision(precision, where.type))
    logits: list[Tensor] = [torch.empty(0, len(networks))]
    with contextlib.ExitStack() as stack:
        stack.enter_context(_torch_threads(threads))
        stack.enter_context(flushed_denormals())
        stack.enter_context(torch.inference_mode())
        for network in networks:
            stack.enter_context(_ready(network, where))
        for batch in stack.enter_context(contextlib.closing(on_device(batches, where))):
            tiles = batch.permute(0, 3, 1, 2)  # (n, h, w, 3) -> (n, 3, h, w), the memory stays channels-last
            with torch.autocast(where.type, dtype=autocast, enabled=autocast is not None):
                columns = [network(tiles).float() for network in networks]
            logits[-1] = logits[-1].cpu()  # waits for the batch before, so that a GPU always has work
            logits.append(torch.stack(columns, dim=1))  # (n, n_networks)
        logits[-1] = logits[-1].cpu()
    return probabilities(torch.cat(logits).numpy())


@contextlib.contextmanager
def _torch_threads(threads: int | None) -> Generator[None, None, None]:
    before = torch.get_num_threads()
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def _ready(network: nn.Module, device: torch.device) -> Generator[None, None, None]:
    """Evaluation mode, on `device`, weights channels-last; mode and device are restored."""
    training = network.training
    home = next((parameter.device for parameter in network.parameters()), device)
    network.eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    try:
        yield
    finally:
        network.train(training).to(home)
