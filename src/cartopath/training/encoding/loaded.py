"""An encoder with its weights: what it is called, what it looks at, and the features of tiles, the same on every call (F70)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import TrainingError
from cartopath.store.hashing import value_key

if TYPE_CHECKING:
    from torch import Tensor, nn

_KEY_DIGITS = 16


@dataclass(frozen=True, kw_only=True)
class EncodingCard:
    """What is known of a loaded encoder.

    Attributes:
        name: As it was asked for.
        sha256: Of its weights: of their file, or of the numbers themselves where there is no file.
        n_features: Length of the features of a tile.
        size_px: Side of its tiles in pixels.
        mpp: Their micrometres per pixel.
        licence: Of the weights, "" where nothing says it.
        input: What is done to pixels before the network, and which of its outputs are the features, as JSON values.
        learned_from: Patients whose tissue it was trained on, where they are known.
        warnings: What could not be checked about it, as sentences.
    """

    name: str
    sha256: str
    n_features: int
    size_px: int
    mpp: float
    licence: str
    input: tuple[Any, ...] = ()
    learned_from: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = ()

    @property
    def size_um(self) -> float:
        """Side of its tiles in micrometres."""
        return self.size_px * self.mpp

    @property
    def key(self) -> str:
        """Name of exactly this encoder on exactly these tiles, whatever it is called and wherever its file lies."""
        return value_key([self.sha256, self.n_features, self.size_px, self.mpp, list(self.input)])[:_KEY_DIGITS]


@dataclass(frozen=True, eq=False, kw_only=True)
class LoadedEncoder:
    """An encoder ready to use.

    Attributes:
        card: What is known of it.
        network: With its weights, in evaluation mode, on the CPU.
        function: What of the network gives features, (n, 3, h, w) uint8 -> (n, n_features).
    """

    card: EncodingCard
    network: nn.Module
    function: Callable[[Tensor], Tensor]

    def encode(
        self,
        batches: Iterable[NDArray[np.uint8]],
        *,
        device: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
    ) -> NDArray[np.float32]:
        """Return the features of tiles.

        Args:
            batches: (n, size_px, size_px, 3) uint8 arrays, read once, ahead of time in a thread.
            device: As for `cartopath.training.inference.over_tiles`.
            precision: As there.
            threads: As there.

        Returns:
            (n_tiles, n_features) float32, tiles in their order.

        Raises:
            TrainingError: The device is not there, or the precision needs a GPU.
        """
        import torch

        from cartopath.training.inference import over_tiles

        if device.startswith("cuda") and not torch.cuda.is_available():
            raise TrainingError(f"torch {torch.__version__} sees no CUDA GPU; use device 'cpu' or 'auto'")
        width = self.card.n_features
        return over_tiles(
            [self.network], self.function, batches, width=width, device=device, precision=precision, threads=threads
        )
