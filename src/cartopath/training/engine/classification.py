"""The Lightning module: loss, optimizer, and validation over the tiles of all devices together."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from cartopath.core.rng import seed_for
from cartopath.training.spec import TrainingSpec
from cartopath.training.validation import ValidationMetrics, validation_metrics

MONITORED = "validation_loss"


class TileClassification(LightningModule):  # type: ignore[misc]
    """Learns to tell positive from negative tiles.

    Args:
        network: Maps (n, 3, h, w) uint8 to (n,) logits.
        spec: Learning rate, seed, threads.
        class_weights: Weight in the loss of negative and positive tiles.
        validation_labels: (n_validation,) label of each validation tile.
        validation_slides: (n_validation,) number of its slide, ascending.
        validation_index: (n_validation,) its number in the validation source, ascending.

    Attributes:
        metrics: Of the last validation, the same on all devices.
    """

    def __init__(
        self,
        network: nn.Module,
        spec: TrainingSpec,
        *,
        class_weights: tuple[float, float],
        validation_labels: NDArray[np.int64],
        validation_slides: NDArray[np.int64],
        validation_index: NDArray[np.int64],
    ) -> None:
        super().__init__()
        self.network = network
        self.metrics: ValidationMetrics
        self._spec, self._class_weights = spec, class_weights
        self._labels, self._slides = validation_labels, validation_slides
        self.register_buffer("_weight", torch.tensor(class_weights, dtype=torch.float32), persistent=False)
        self.register_buffer("_index", torch.from_numpy(validation_index), persistent=False)

    def setup(self, stage: str) -> None:
        """Prepare this process, which may be a spawned one: threads, denormal numbers, a warning that concerns nobody."""
        # Lightning 2.6 asks torch for a name that torch 2.13 calls deprecated, at every start.
        warnings.filterwarnings("ignore", message=r"`isinstance\(treespec, LeafSpec\)` is deprecated", category=FutureWarning)
        torch.set_num_threads(self._spec.threads)
        torch.set_flush_denormal(True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam with the defaults of torch and Keras except for epsilon (1e-8; Keras 1e-7)."""
        return torch.optim.Adam(self.network.parameters(), lr=self._spec.lr)

    def on_train_epoch_start(self) -> None:
        """Begin a chunk: dropout and the like draw from a stream of their own, so that a resumed training repeats them."""
        seed = seed_for(self._spec.seed, "training", *self._spec.stream, "network", self.current_epoch, self.global_rank)
        torch.default_generator.manual_seed(seed)
        if self.device.type == "cuda":
            torch.cuda.manual_seed(seed)
        self._loss_sum = torch.zeros(2, dtype=torch.float64 if self.device.type != "mps" else torch.float32, device=self.device)

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """Return the loss of a batch."""
        label = batch["label"]
        logits = self.network(_channels_first(batch["tiles"]))  # (n, size, size, 3) -> (n,)
        loss = binary_cross_entropy_with_logits(logits, label.to(logits.dtype), weight=self._weight[label])
        self._loss_sum += torch.stack([loss.detach() * len(label), torch.ones_like(loss) * len(label)])
        return loss

    def train_loss(self) -> float:
        """Return the mean loss over the tiles of the chunk that ended, on all devices."""
        total, count = self.trainer.strategy.reduce(self._loss_sum, reduce_op="sum").tolist()
        return float(total / count)

    def on_validation_epoch_start(self) -> None:
        """Begin a validation."""
        self._logits = torch.zeros(len(self._index), dtype=torch.float32, device=self.device)

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        """Score a batch."""
        place = torch.searchsorted(self._index, batch["index"])
        self._logits[place] = self.network(_channels_first(batch["tiles"]))  # (n, size, size, 3) -> (n,)

    def on_validation_epoch_end(self) -> None:
        """Measure: every tile was scored on one device and is zero on the others, so the sum is all scores on every device."""
        logits: Any = self.trainer.strategy.reduce(self._logits, reduce_op="sum")
        self.metrics = validation_metrics(logits.cpu().numpy(), self._labels, self._slides, class_weights=self._class_weights)
        self.log(MONITORED, self.metrics.loss, sync_dist=True)


def _channels_first(tiles: Tensor) -> Tensor:
    """Return (n, h, w, 3) as (n, 3, h, w) without moving a byte: the memory stays channels-last."""
    return tiles.permute(0, 3, 1, 2)
