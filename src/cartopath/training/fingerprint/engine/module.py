"""The Lightning module: loss over single images or pairs, optimizer, and validation on the right halves."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor
from torch.nn.functional import cross_entropy

from cartopath.core.rng import seed_for
from cartopath.models.fingerprint.losses import fingerprint_loss, style_distance
from cartopath.models.fingerprint.network import FingerprintNetwork
from cartopath.training.fingerprint.augment import augment
from cartopath.training.fingerprint.spec import FingerprintTraining

MONITORED = "validation_accuracy"


@dataclass(frozen=True, slots=True)
class FingerprintMetrics:
    """Of one validation.

    Attributes:
        loss: Mean cross entropy over the tiles of right halves.
        accuracy: Share of these tiles whose piece is recognised.
    """

    loss: float
    accuracy: float


class Fingerprinting(LightningModule):  # type: ignore[misc]
    """Learns to tell pieces of tissue apart, alike in every style.

    Args:
        network: What is trained.
        spec: Learning rate, weight of the distance, seed, threads.
        size_px: Side of the tiles.
        n_validation: Tiles of a validation.

    Attributes:
        metrics: Of the last validation, the same on all devices.
    """

    def __init__(self, network: FingerprintNetwork, spec: FingerprintTraining, *, size_px: int, n_validation: int) -> None:
        super().__init__()
        self.network = network
        self.metrics: FingerprintMetrics
        self._spec, self._size_px, self._n_validation = spec, size_px, n_validation

    def setup(self, stage: str) -> None:
        """Prepare this process, which may be a spawned one: threads, denormal numbers, a warning that concerns nobody."""
        # Lightning 2.6 asks torch for a name that torch 2.13 calls deprecated, at every start.
        warnings.filterwarnings("ignore", message=r"`isinstance\(treespec, LeafSpec\)` is deprecated", category=FutureWarning)
        torch.set_num_threads(self._spec.threads)
        torch.set_flush_denormal(True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam."""
        return torch.optim.Adam(self.network.parameters(), lr=self._spec.lr)

    def on_train_epoch_start(self) -> None:
        """Begin a chunk: dropout and the like draw from a stream of their own, so that a resumed training repeats them."""
        names = ("fingerprint network", *self._spec.stream, self.current_epoch, self.global_rank)
        seed = seed_for(self._spec.seed, *names)
        torch.default_generator.manual_seed(seed)
        if self.device.type == "cuda":
            torch.cuda.manual_seed(seed)
        self._sums = torch.zeros(3, device=self.device)

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """Return the loss of a batch."""
        piece = batch["piece"]
        images = augment(
            batch["tiles"], batch, size_px=self._size_px, by_any_angle=self._spec.augmentation.rotation == "any"
        )  # (n, n_styles, 3, size, size)
        n, n_styles = images.shape[:2]
        # Both styles go through the network together, so that batch normalisation sees their mixture, as it will afterwards.
        stacked = images.transpose(0, 1).flatten(0, 1).contiguous(memory_format=torch.channels_last)  # (n_styles * n, 3, s, s)
        fingerprints, logits = self.network(stacked)
        first = (fingerprints[:n], logits[:n])
        second = (fingerprints[n:], logits[n:]) if n_styles == 2 else None
        loss = fingerprint_loss(first, second, piece, gamma=self._spec.gamma)
        distance = style_distance(first[0], second[0]).mean() if second else torch.zeros_like(loss)
        self._sums += torch.stack([loss.detach() * n, distance.detach() * n, torch.full_like(loss, n)]).detach()
        return loss

    def train_means(self) -> tuple[float, float]:
        """Return the mean loss and distance between styles over the tiles of the chunk that ended, on all devices."""
        loss, distance, n = self.trainer.strategy.reduce(self._sums, reduce_op="sum").tolist()
        return loss / n, distance / n

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
        self.log(MONITORED, accuracy, sync_dist=True)
