"""Fingerprints of tiles, and which piece each tile looks like, the same on every call (F51, F70)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from cartopath.models.fingerprint.network import FingerprintNetwork
from cartopath.training.inference import over_tiles


def fingerprint_tiles(
    network: FingerprintNetwork,
    batches: Iterable[NDArray[np.uint8]],
    *,
    device: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
) -> NDArray[np.float32]:
    """Return the fingerprint of each tile.

    Args:
        network: Put in evaluation mode and moved to `device`, and afterwards as it was.
        batches: (n, h, w, 3) uint8 arrays, read once, ahead of time in a thread.
        device: As for `cartopath.training.inference.over_tiles`.
        precision: As there.
        threads: As there.

    Returns:
        (n_tiles, n_features) float32, tiles in their order, not scaled to length 1.

    Raises:
        TrainingError: The precision needs a GPU.
    """
    width = network.n_features
    return over_tiles([network], network.fingerprint, batches, width=width, device=device, precision=precision, threads=threads)


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

    width = network.n_pieces
    return over_tiles([network], probabilities, batches, width=width, device=device, precision=precision, threads=threads)
