"""Train one receptor head on bags in memory (Rawat et al. 2020, Methods; F52): the only way into the loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from cartopath.training.heads.bags import Bag, check_bags
from cartopath.training.heads.spec import HeadTraining

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Progress = Callable[[int, dict[str, float]], None]


@dataclass(frozen=True, eq=False, kw_only=True)
class HeadOutcome:
    """A head that was trained.

    Attributes:
        weights: Of the best epoch, by name: what `head_of` makes a head from. It takes features as they come from the encoder.
        curve: One row per epoch: `epoch`, `train_loss`, `validation_loss`, `validation_auroc` (over patients).
        best: The row of the epoch that the weights are from: highest AUROC, among equals lowest loss, then earliest.
        ending: `patience` or `max_epochs`.
    """

    weights: dict[str, NDArray[np.float32]]
    curve: pd.DataFrame
    best: dict[str, float]
    ending: str

    @property
    def best_epoch(self) -> int:
        """Which epoch the weights are from."""
        return int(self.best["epoch"])


def train_receptor_head(
    train: Sequence[Bag], validation: Sequence[Bag], spec: HeadTraining, *, progress: Progress | None = None
) -> HeadOutcome:
    """Train a head to tell positive from negative patients by the mean score of their tiles.

    On a CPU of the same kind, the same bags and spec give the same bytes, in whatever order the bags come and whatever the number
    of threads: the head is small enough for one. Validation patients decide when training ends and which epoch is kept, nothing
    else; the scale of features is that of training tiles.

    Args:
        train: Patients to learn from.
        validation: Others, for early stopping: the "overfitting" group of the paper.
        spec: How.
        progress: Called after each epoch with its number and its row of the curve plus `is_best`.

    Raises:
        TrainingError: Bags cannot be trained on (see `check_bags`), or the loss is no longer a number.
    """
    check_bags(train, validation)
    from cartopath.training.heads.loop import fit_head

    weights, rows, best_epoch, ending = fit_head(_ordered(train), _ordered(validation), spec, progress=progress)
    return HeadOutcome(weights=weights, curve=pd.DataFrame(rows), best=rows[best_epoch], ending=ending)


def _ordered(bags: Sequence[Bag]) -> list[Bag]:
    return sorted(bags, key=lambda bag: bag.patient_id)
