"""What a validation measures: loss, AUROC of tiles, AUROC of slides by their share of positive tiles."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartopath.stats import auroc, percent_positive


@dataclass(frozen=True, slots=True)
class ValidationMetrics:
    """Of one validation.

    Attributes:
        loss: Weighted mean binary cross-entropy over the tiles.
        tile_auroc: Over tiles, each with the label of its slide; NaN where only one class is present.
        slide_auroc: Over slides, scored by their share of tiles above 0.5 (F24); NaN where only one class is present.
    """

    loss: float
    tile_auroc: float
    slide_auroc: float

    def score(self, metric: str) -> float:
        """Return what the best checkpoint has the highest of: an AUROC, or the negative loss."""
        return -self.loss if metric == "loss" else float(getattr(self, metric))


def validation_metrics(
    logits: NDArray[np.float32],
    labels: NDArray[np.int64],
    slide_of_tile: NDArray[np.int64],
    *,
    class_weights: tuple[float, float],
) -> ValidationMetrics:
    """Measure a full validation.

    Args:
        logits: (n_tiles,).
        labels: (n_tiles,) 0 or 1, the same within a slide.
        slide_of_tile: (n_tiles,) number of the slide, ascending.
        class_weights: Weight in the loss of negative and positive tiles.
    """
    scores = probabilities(logits)
    starts = np.flatnonzero(np.r_[True, slide_of_tile[1:] != slide_of_tile[:-1]])
    slide_scores = np.array([percent_positive(part) for part in np.split(scores, starts[1:])])
    defined = len(np.unique(labels)) == 2
    return ValidationMetrics(
        loss=weighted_loss(logits, labels, class_weights),
        tile_auroc=auroc(labels, scores) if defined else math.nan,
        slide_auroc=auroc(labels[starts], slide_scores) if defined else math.nan,
    )


def probabilities(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the logistic function of logits, float32."""
    wide = logits.astype(np.float64)
    return (0.5 * (1.0 + np.tanh(0.5 * wide))).astype(np.float32)


def weighted_loss(logits: NDArray[np.float32], labels: NDArray[np.int64], class_weights: tuple[float, float]) -> float:
    """Return the mean over tiles of binary cross-entropy times the weight of the tile's class, in double precision.

    >>> round(weighted_loss(np.zeros(2, np.float32), np.array([0, 1]), (1.0, 1.0)), 6)
    0.693147
    """
    wide = logits.astype(np.float64)
    losses = np.logaddexp(0.0, np.where(labels == 1, -wide, wide))
    return float(np.mean(losses * np.asarray(class_weights)[labels]))


def class_weights(labels: NDArray[np.int64], *, balance: str) -> tuple[float, float]:
    """Return the weights of negative and positive tiles in the loss.

    Args:
        labels: (n_tiles,) of the training tiles.
        balance: `none` weighs every tile 1; `class` makes both classes weigh the same in sum, and tiles 1 on average.

    >>> class_weights(np.array([0, 0, 0, 1]), balance="class")
    (0.6666666666666666, 2.0)
    """
    if balance == "none":
        return 1.0, 1.0
    positive = int(labels.sum())
    return len(labels) / (2 * (len(labels) - positive)), len(labels) / (2 * positive)
