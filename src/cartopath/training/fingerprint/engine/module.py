"""Learning to tell pieces of tissue apart: the loss over single images or pairs, and validation on the right halves."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from cartopath.models.fingerprint.losses import fingerprint_loss, style_distance
from cartopath.models.fingerprint.network import FingerprintNetwork
from cartopath.training.engine.chunked import ChunkedModule, ChunkResult
from cartopath.training.fingerprint.augment import augment
from cartopath.training.fingerprint.spec import FingerprintTraining


@dataclass(frozen=True, slots=True)
class FingerprintMetrics:
    """Of one validation.

    Attributes:
        loss: Mean cross entropy over the tiles of right halves.
        accuracy: Share of these tiles whose piece is recognised.
    """

    loss: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Standing:
    """What validations are compared with.

    Attributes:
        n_better: Validations that were better than all before.
        loss: The lowest so far.
        accuracy: The highest so far.
    """

    n_better: int = 0
    loss: float = math.inf
    accuracy: float = 0.0

    def after(self, now: FingerprintMetrics, *, delta: float) -> Standing:
        """Return what it is after one more: better is a lower loss or a higher accuracy, by more than `delta`.

        While the accuracy is that of guessing, the loss says whether anything is learned; later the loss may rise while more and
        more tiles are recognised.
        """
        is_better = now.loss < self.loss - delta or now.accuracy > self.accuracy + delta
        return Standing(self.n_better + is_better, min(self.loss, now.loss), max(self.accuracy, now.accuracy))


class Fingerprinting(ChunkedModule):
    """Learns to tell pieces of tissue apart, alike in every style.

    Args:
        network: What is trained.
        spec: Weight of the distance, augmentation; learning rate, seed, threads.
        size_px: Side of the tiles.
        n_batches: Batches of a chunk.
        n_validation: Tiles of a validation.

    Attributes:
        metrics: Of the last validation, the same on all devices.
    """

    network: FingerprintNetwork
    monitored: ClassVar[str] = "n_better"
    mode: ClassVar[Literal["min", "max"]] = "max"

    def __init__(
        self, network: FingerprintNetwork, spec: FingerprintTraining, *, size_px: int, n_batches: int, n_validation: int
    ) -> None:
        super().__init__(network, spec.execution(), ("fingerprint network", *spec.stream))
        self.metrics: FingerprintMetrics
        self._spec, self._size_px = spec, size_px
        self._n_batches, self._n_validation = n_batches, n_validation
        self._standing = Standing()

    @property
    def watched(self) -> float:
        """How many validations were better than all before: at a lower loss or a higher accuracy."""
        return self._standing.n_better

    @property
    def validation_loss(self) -> float:
        """Loss of the last validation."""
        return self.metrics.loss

    def result(self) -> ChunkResult:
        """Return losses, distance between styles and accuracy, of which the best chunk has the highest."""
        loss, distance, n = self.trainer.strategy.reduce(self._sums, reduce_op="sum").tolist()
        row = {"train_loss": loss / n, "style_distance": distance / n}
        if self._spec.schedule == "one_cycle":
            row["lr"] = self._spec.learning_rate(self.current_epoch / self._spec.max_chunks)
        row |= {"validation_loss": self.metrics.loss, "validation_accuracy": self.metrics.accuracy}
        return ChunkResult(row, self.metrics.accuracy)

    def begin_chunk(self) -> None:
        """Begin to sum up loss, distance and tiles."""
        self._sums = torch.zeros(3, device=self.device)

    def on_train_batch_start(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        """Set the learning rate of one cycle; that of the other schedule changes between chunks."""
        if self._spec.schedule == "one_cycle":
            chunks = self.current_epoch + batch_idx / self._n_batches
            for group in self.trainer.optimizers[0].param_groups:
                group["lr"] = self._spec.learning_rate(chunks / self._spec.max_chunks)

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """Return the loss of a batch."""
        piece = batch["piece"]
        images = augment(
            batch["tiles"], batch, size_px=self._size_px, by_any_angle=self._spec.augmentation.rotation == "any"
        )  # (n, n_styles, 3, size, size)
        n, n_styles = images.shape[:2]
        # Both styles go through the network together, so that batch normalisation sees their mixture, as it will afterwards.
        stacked = images.transpose(0, 1).flatten(0, 1).contiguous(memory_format=torch.channels_last)  # (n_styles * n, 3, s, s)
        fingerprints, logits = self.network.learn(stacked)
        first = (fingerprints[:n], logits[:n])
        second = (fingerprints[n:], logits[n:]) if n_styles == 2 else None
        loss = fingerprint_loss(first, second, piece, gamma=self._spec.gamma)
        distance = style_distance(first[0], second[0]).mean() if second else torch.zeros_like(loss)
        self._sums += torch.stack([loss.detach() * n, distance.detach() * n, torch.full_like(loss, n)]).detach()
        return loss

    def on_validation_epoch_start(self) -> None:
        """Begin a validation."""
        self._results = torch.zeros(3, self._n_validation, device=self.device)

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        """Judge a batch."""
        _, logits = self.network(batch["tiles"][:, 0].permute(0, 3, 1, 2))  # (n, 1, s, s, 3) -> (n, n_pieces)
        self._results[0, batch["index"]] = cross_entropy(logits, batch["piece"], reduction="none")
        self._results[1, batch["index"]] = (logits.argmax(dim=1) == batch["piece"]).float()
        self._results[2, batch["index"]] = 1.0

    def on_validation_epoch_end(self) -> None:
        """Measure: a tile is zero on devices that did not judge it; what several judged is divided by their number."""
        results: Any = self.trainer.strategy.reduce(self._results, reduce_op="sum")
        results = results.double().cpu()
        loss, accuracy = (results[:2] / results[2]).mean(dim=1).tolist()
        self.metrics = FingerprintMetrics(loss, accuracy)
        self._standing = self._standing.after(self.metrics, delta=self._spec.plateau_min_delta)
        self.log(self.monitored, float(self.watched), sync_dist=True)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what the next chunk is compared with."""
        checkpoint["standing"] = dataclasses.asdict(self._standing)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on comparing."""
        self._standing = Standing(**checkpoint["standing"])
