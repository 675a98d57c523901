"""The loop that trains a head: epochs over bags in memory, a validation after each.

A head is trained in seconds and a study trains many, so this is no Lightning training: starting one takes longer than a head, and
there is neither a device nor a state to manage.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy

from cartopath.core.errors import TrainingError
from cartopath.core.rng import seed_for, stream
from cartopath.models import flushed_denormals, weights_of
from cartopath.models.fingerprint.receptor_head import ReceptorHead
from cartopath.stats import auroc
from cartopath.training.heads.bags import Bag
from cartopath.training.heads.scaling import scaling_of
from cartopath.training.heads.spec import HeadTraining
from cartopath.training.inference import torch_threads
from cartopath.training.validation import class_weights

Row = dict[str, float]

# Keeps the logarithm finite where every tile of a patient scores exactly -1 or +1, without cutting its gradient off.
_CERTAINTY = 1.0 - 1e-4


def fit_head(
    train: Sequence[Bag],
    validation: Sequence[Bag],
    spec: HeadTraining,
    *,
    progress: Callable[[int, Row], None] | None,
) -> tuple[dict[str, NDArray[np.float32]], list[Row], int, str]:
    """Return the weights of the best epoch, the curve, the best epoch, and why training ended.

    Raises:
        TrainingError: The loss is no longer a number.
    """
    with torch_threads(1), flushed_denormals():
        return _HeadFit(train, validation, spec).run(progress)


class _HeadFit:
    """One training."""

    def __init__(self, train: Sequence[Bag], validation: Sequence[Bag], spec: HeadTraining) -> None:
        self._train, self._validation, self._spec = train, validation, spec
        self._scaling = scaling_of(train)
        seed = seed_for(spec.seed, "receptor head", *spec.stream, "weights")
        self._head = ReceptorHead(train[0].features.shape[1], n_hidden=spec.n_hidden, seed=seed)
        self._optimizer = torch.optim.AdamW(self._head.parameters(), lr=spec.lr, weight_decay=spec.weight_decay)
        self._weights = torch.tensor(class_weights(_labels(train), balance=spec.balance), dtype=torch.float32)

    def run(self, progress: Callable[[int, Row], None] | None) -> tuple[dict[str, NDArray[np.float32]], list[Row], int, str]:
        rows: list[Row] = []
        best_epoch, best_score, best_head = -1, (-math.inf, -math.inf), self._head
        for epoch in range(self._spec.max_epochs):
            train_loss = self._learn(epoch)
            loss, area = self._validate()
            rows.append({"epoch": epoch, "train_loss": train_loss, "validation_loss": loss, "validation_auroc": area})
            is_best = (area, -loss) > best_score
            if is_best:
                best_epoch, best_score, best_head = epoch, (area, -loss), copy.deepcopy(self._head)
            if progress is not None:
                progress(epoch, {**rows[-1], "is_best": float(is_best)})
            if epoch - best_epoch >= self._spec.patience:
                return self._own_weights(best_head), rows, best_epoch, "patience"
        return self._own_weights(best_head), rows, best_epoch, "max_epochs"

    def _learn(self, epoch: int) -> float:
        """Show every training patient once and return the mean loss."""
        total = 0.0
        for bags in self._steps(epoch):
            scores = self._head(torch.from_numpy(self._scaling(np.concatenate([features for features, _ in bags]))))
            parts = scores.split([len(features) for features, _ in bags])
            losses = self._losses(torch.stack([part.mean() for part in parts]), torch.tensor([label for _, label in bags]))
            self._optimizer.zero_grad()
            losses.mean().backward()  # type: ignore[no-untyped-call]
            self._optimizer.step()
            total += float(losses.detach().sum())
        return total / len(self._train)

    def _steps(self, epoch: int) -> Iterator[list[tuple[NDArray[np.floating], int]]]:
        """Yield the features and label of the patients of each step."""
        spec = self._spec
        rng = stream(spec.seed, "receptor head", *spec.stream, "epoch", epoch)
        order = rng.permutation(len(self._train))
        for first in range(0, len(order), spec.bags_per_step):
            bags = [self._train[number] for number in order[first : first + spec.bags_per_step]]
            yield [(_some_tiles(bag.features, spec.tiles_per_bag, rng), bag.label) for bag in bags]

    @torch.no_grad()
    def _validate(self) -> tuple[float, float]:
        """Return the mean loss and the AUROC over validation patients, each scored by all tiles."""
        means = torch.stack([self._head(torch.from_numpy(self._scaling(bag.features))).mean() for bag in self._validation])
        labels = _labels(self._validation)
        loss = float(self._losses(means, torch.from_numpy(labels)).double().mean())
        return loss, auroc(labels, means.numpy())

    def _losses(self, means: Tensor, labels: Tensor) -> Tensor:
        """Return the weighted cross-entropy of each patient, (n_patients,) mean scores in -1..1 -> (n_patients,)."""
        if not torch.isfinite(means).all():
            raise TrainingError(f"scores of patients are no longer numbers; lower 'lr' (now {self._spec.lr:g})")
        probability = (_CERTAINTY * means + 1.0) / 2.0
        return binary_cross_entropy(probability, labels.float(), weight=self._weights[labels], reduction="none")

    def _own_weights(self, head: ReceptorHead) -> dict[str, NDArray[np.float32]]:
        """Return the weights of a head for features as they come from the encoder."""
        weights = weights_of(head)
        first = ("layers.0.weight", "layers.0.bias")
        return {**weights, **dict(zip(first, self._scaling.folded(*(weights[name] for name in first)), strict=True))}


def _some_tiles(features: NDArray[np.floating], at_most: int | None, rng: np.random.Generator) -> NDArray[np.floating]:
    if at_most is None or len(features) <= at_most:
        return features
    return features[rng.choice(len(features), at_most, replace=False)]


def _labels(bags: Sequence[Bag]) -> NDArray[np.int64]:
    return np.array([bag.label for bag in bags], np.int64)
