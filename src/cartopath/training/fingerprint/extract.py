"""Fingerprints of tiles, and which piece each tile looks like, the same on every call (F51, F70)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cartopath.models.denormals import flushed_denormals
from cartopath.models.fingerprint.network import FingerprintNetwork
from cartopath.training.precision import autocast_dtype, resolve_precision
from cartopath.training.predict import _ready, _torch_threads
from cartopath.training.transfer import on_device


def fingerprint_tiles(
    network: FingerprintNetwork,
    batches: Iterable[NDArray[np.uint8]],
    *,
    device: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
) -> NDArray[np.float32]:
    """Return the fingerprint of each tile.

    No dropout, no shuffling; how tiles are grouped into batches changes nothing beyond rounding.

    Args:
        network: Put in evaluation mode and moved to `device`, and afterwards as it was.
        batches: (n, h, w, 3) uint8 arrays, read once, ahead of time in a thread.
        device: `cpu`, `cuda`, `cuda:1`, ..., or `auto`: the first GPU if there is one.
        precision: `32-true`, `16-mixed`, `bf16-mixed` (GPU only), or `auto`: bf16 or 16 on a GPU, 32 elsewhere.
        threads: Of torch on the CPU during the call; None leaves them as they are.

    Returns:
        (n_tiles, n_features) float32, tiles in their order, not scaled to length 1.

    Raises:
        TrainingError: The precision needs a GPU.
    """
    settings = _Settings(device, precision, threads)
    return _run(network, network.fingerprint, batches, network.n_features, settings)


def piece_probabilities(
    network: FingerprintNetwork,
    batches: Iterable[NDArray[np.uint8]],
    *,
    device: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
) -> NDArray[np.float32]:
    """Return the probability that each tile shows each piece the network was trained on (F49).

    Args:
        network: As for `fingerprint_tiles`.
        batches: As there.
        device: As there.
        precision: As there.
        threads: As there.

    Returns:
        (n_tiles, n_pieces) float32; rows sum to 1.
    """

    def probabilities(tiles: Tensor) -> Tensor:
        return network(tiles)[1].softmax(dim=1)  # type: ignore[no-any-return]

    return _run(network, probabilities, batches, network.n_pieces, _Settings(device, precision, threads))


class _Settings:
    """Where and how to compute."""

    def __init__(self, device: str, precision: str, threads: int | None) -> None:
        self.device = torch.device(device if device != "auto" else "cuda" if torch.cuda.is_available() else "cpu")
        self.autocast, self.threads = autocast_dtype(resolve_precision(precision, self.device.type)), threads

    @contextlib.contextmanager
    def active(self, network: FingerprintNetwork) -> Generator[None, None, None]:
        with _torch_threads(self.threads), flushed_denormals(), torch.inference_mode(), _ready(network, self.device):
            yield


def _run(
    network: FingerprintNetwork,
    function: Callable[[Tensor], Tensor],
    batches: Iterable[NDArray[np.uint8]],
    width: int,
    settings: _Settings,
) -> NDArray[np.float32]:
    where = settings.device
    parts: list[Tensor] = [torch.empty(0, width)]
    with settings.active(network), contextlib.closing(on_device(batches, where)) as tensors:
        for batch in tensors:
            tiles = batch.permute(0, 3, 1, 2)  # (n, h, w, 3) -> (n, 3, h, w), the memory stays channels-last
            with torch.autocast(where.type, dtype=settings.autocast, enabled=settings.autocast is not None):
                part = function(tiles).float()
            parts[-1] = parts[-1].cpu()  # waits for the batch before, so that a GPU always has work
            parts.append(part)
        parts[-1] = parts[-1].cpu()
    return torch.cat(parts).numpy()
