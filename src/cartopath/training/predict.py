"""Scores of tiles from one or several trained networks, the same on every call (F70)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cartopath.core.errors import TrainingError
from cartopath.training.inference import over_tiles
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

    Every batch goes through all networks; see `over_tiles`.

    Args:
        networks: Map (n, 3, h, w) uint8 to (n,) logits.
        batches: (n, h, w, 3) uint8 arrays.
        device: As for `over_tiles`.
        precision: As there.
        threads: As there.

    Returns:
        (n_tiles, n_networks) float32 in 0..1, tiles in their order.

    Raises:
        TrainingError: There is no network, or the precision needs a GPU.
    """
    if not networks:
        raise TrainingError("a prediction needs at least one network")

    def logits(tiles: Tensor) -> Tensor:
        return torch.stack([network(tiles).float() for network in networks], dim=1)  # (n, n_networks)

    width = len(networks)
    return probabilities(over_tiles(networks, logits, batches, width=width, device=device, precision=precision, threads=threads))
