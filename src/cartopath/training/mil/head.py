"""A trained head: weights, the scale of its features, and the scale of what it predicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cartopath.models.mil.spec import MilSpec
from cartopath.training.mil.scaling import FeatureScaling

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class MilHead:
    """A head ready to use.

    Attributes:
        spec: What it is; its `n_features` are those after `scaling`.
        weights: By name.
        scaling: From the features of the encoder to those it takes, as its training bags define it.
        target_mean: (n_outputs,) over training patients; 0 where targets were not standardised.
        target_sd: (n_outputs,); 1 where targets were not standardised.
    """

    spec: MilSpec
    weights: dict[str, NDArray[np.float32]]
    scaling: FeatureScaling
    target_mean: NDArray[np.float64]
    target_sd: NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Outcome:
    """What became of a job.

    Attributes:
        name: Of the job.
        head: Of the best epoch, or of the last where there are no validation bags.
        train_losses: (n_epochs,) mean loss of training bags, under dropout, while they were learned from.
        validation_losses: (n_epochs,) mean loss of validation bags; NaN without any.
        best_epoch: Which epoch the weights are from; -1: as they began.
        ending: `patience`, `max_epochs`, `diverged` (the loss was no number any more), or `untrainable`.
        reason: Why it is untrainable; such a head predicts the mean of its training patients for everybody.
    """

    name: str
    head: MilHead
    train_losses: NDArray[np.float64]
    validation_losses: NDArray[np.float64]
    best_epoch: int
    ending: str
    reason: str = ""

    @property
    def weights(self) -> dict[str, NDArray[np.float32]]:
        """Of the head, by name."""
        return self.head.weights

    @property
    def validation(self) -> float:
        """Validation loss of the epoch that the weights are from; NaN where there is none."""
        return float(self.validation_losses[self.best_epoch]) if self.best_epoch >= 0 else float("nan")

    @property
    def curve(self) -> pd.DataFrame:
        """One row per epoch: `epoch`, `train_loss`, `validation_loss`."""
        return pd.DataFrame(
            {
                "epoch": np.arange(len(self.train_losses)),
                "train_loss": self.train_losses,
                "validation_loss": self.validation_losses,
            }
        )
