"""Learning to tell positive from negative tiles: the loss, and validation over the tiles of all devices together."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from cartopath.training.engine.chunked import ChunkedModule, ChunkResult
from cartopath.training.spec import TrainingSpec
from cartopath.training.validation import ValidationMetrics, validation_metrics


class TileClassification(ChunkedModule):
    """Learns to tell positive from negative tiles.

    Args:
        network: Maps (n, 3, h, w) uint8 to (n,) logits.
        spec: Learning rate, seed, threads, the metric of the best chunk.
        class_weights: Weight in the loss of negative and positive tiles.
        validation_labels: (n_validation,) label of each validation tile.
        validation_slides: (n_validation,) number of its slide, ascending.
        validation_index: (n_validation,) its number in the validation source, ascending.

    Attributes:
        metrics: Of the last validation, the same on all devices.
    """

    monitored: ClassVar[str] = "validation_loss"
    mode: ClassVar[Literal["min", "max"]] = "min"

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
        super().__init__(network, spec, ("training", *spec.stream, "network"))
        self.metrics: ValidationMetrics
        self._class_weights = class_weights
        self._labels, self._slides = validation_labels, validation_slides
        self.register_buffer("_weight", torch.tensor(class_weights, dtype=torch.float32), persistent=False)
        self.register_buffer("_index", torch.from_numpy(validation_index), persistent=False)

    @property
    def watched(self) -> float:
        """Loss of the last validation."""
        return self.metrics.loss

    @property
    def validation_loss(self) -> float:
        """Loss of the last validation."""
        return self.metrics.loss

    def result(self) -> ChunkResult:
        """Return losses and AUROCs; the best chunk has the highest of the metric that the recipe names."""
        row = {"train_loss": self.train_loss(), "validation_loss": self.metrics.loss}
        row |= {"tile_auroc": self.metrics.tile_auroc, "slide_auroc": self.metrics.slide_auroc}
        return ChunkResult(row, self.metrics.score(self._run.checkpoint_metric))

    def begin_chunk(self) -> None:
        """Begin to sum up the loss."""
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
        self.log(self.monitored, self.metrics.loss, sync_dist=True)


def _channels_first(tiles: Tensor) -> Tensor:
    """Return (n, h, w, 3) as (n, 3, h, w) without moving a byte: the memory stays channels-last."""
    return tiles.permute(0, 3, 1, 2)
