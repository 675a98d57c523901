"""What trained heads say of a bag: values, weights and predictions, the same every time (F70)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cartopath.core.errors import TrainingError
from cartopath.models import flushed_denormals
from cartopath.models.mil import pooled, supertiles
from cartopath.training.inference import torch_threads
from cartopath.training.mil.bags import check_features, check_finite
from cartopath.training.mil.head import MilHead
from cartopath.training.mil.losses import level_logits

_NUMBERS_AT_ONCE = 1 << 26


class HasHead(Protocol):
    """An `Outcome` or a `MilBundle`."""

    @property
    def head(self) -> MilHead:
        """The trained head."""
        ...


@dataclass(frozen=True, eq=False, slots=True)
class BagPrediction:
    """What a head says of a bag and of its tiles.

    `score` is exactly what `weights` and `tile_scores` add up to; `value` and `tile_values` say the same in the units of the
    target: those of the molecular table for regression, a probability for classification, an expected level for ordinal targets,
    and the score itself, a log hazard, for survival. Only for regression do values add up as scores do.

    Attributes:
        score: (n_outputs,) in deviations from the mean of training patients (regression), or a logit, or a log hazard.
        tile_scores: (n_tiles, n_outputs) of the same kind.
        weights: (n_tiles, n_outputs), summing to 1 over tiles.
        value: (n_outputs,).
        tile_values: (n_tiles, n_outputs).
    """

    score: NDArray[np.float64]
    tile_scores: NDArray[np.float32]
    weights: NDArray[np.float32]
    value: NDArray[np.float64]
    tile_values: NDArray[np.float32]


def predict_bag(head: HasHead | MilHead, features: NDArray[Any]) -> BagPrediction:
    """Return what one head says of a bag; the number of threads changes nothing.

    Args:
        head: A head, or an outcome or bundle that holds one.
        features: (n_tiles, n_features) of any floating-point type, as they come from the head's encoder.

    Raises:
        TrainingError: There is no tile, or features have another length than the head's encoder gives.
    """
    return predict_many([head], features)[0]


def predict_many(heads: Sequence[HasHead | MilHead], features: NDArray[Any]) -> list[BagPrediction]:
    """Return what many heads of one kind say of a bag.

    Args:
        heads: All with the same `spec`; those from the same training share one look at the features.
        features: (n_tiles, n_features) of any floating-point type, as they come from the heads' encoder.

    Raises:
        TrainingError: As `predict_bag`, or heads differ in kind.
    """
    bare = [head if isinstance(head, MilHead) else head.head for head in heads]
    if any(head.spec != bare[0].spec for head in bare):
        raise TrainingError("the heads differ in kind, target or number of features; predict those of each kind together")
    for head in bare[:1]:
        check_features(features, len(head.scaling.mean), "the bag")
    found: dict[int, BagPrediction] = {}
    by_scaling: dict[int, list[int]] = {}
    for position, head in enumerate(bare):
        by_scaling.setdefault(id(head.scaling), []).append(position)
    grouped = supertiles(features, bare[0].spec.n_supertiles) if bare and bare[0].spec.head == "transformer" else None
    with torch.inference_mode(), torch_threads(1), flushed_denormals():
        for positions in by_scaling.values():
            tiles = bare[positions[0]].scaling(features if grouped is None else grouped.means)
            check_finite(tiles, "the bag")
            at_once = max(1, _NUMBERS_AT_ONCE // (len(tiles) * (bare[0].spec.width + 2 * bare[0].spec.n_outputs)))
            for first in range(0, len(positions), at_once):
                some = positions[first : first + at_once]
                group = None if grouped is None else grouped.group
                predictions = _predictions([bare[position] for position in some], torch.from_numpy(tiles), group)
                found |= dict(zip(some, predictions, strict=True))
    return [found[position] for position in range(len(bare))]


def _predictions(heads: Sequence[MilHead], tiles: Tensor, group: NDArray[np.int64] | None) -> list[BagPrediction]:
    spec = heads[0].spec
    parameters = {name: torch.from_numpy(np.stack([head.weights[name] for head in heads])) for name in heads[0].weights}
    said = pooled(spec, parameters, tiles, [len(tiles)])
    weights = said.weights.expand_as(said.values)
    return [
        _prediction(head, _one_of(parameters, row), said.values[row].T, weights[row].T, group) for row, head in enumerate(heads)
    ]


def _one_of(parameters: dict[str, Tensor], row: int) -> dict[str, Tensor]:
    return {name: some[row : row + 1] for name, some in parameters.items() if name.startswith("levels.")}


def _prediction(
    head: MilHead, levels: dict[str, Tensor], values: Tensor, weights: Tensor, group: NDArray[np.int64] | None
) -> BagPrediction:
    """Return the prediction of one head, (n_tiles, n_outputs) values and weights; with groups, theirs are passed on to tiles."""
    scores, share = values.numpy(), weights.numpy()
    if group is not None:
        share = share / np.bincount(group, minlength=len(share))[:, None].astype(np.float32)
        scores, share = scores[group], share[group]
    score = (scores.astype(np.float64) * share).sum(axis=0)
    return BagPrediction(
        score=score,
        tile_scores=np.ascontiguousarray(scores),
        weights=np.ascontiguousarray(share, np.float32),
        value=_in_units(head, levels, score[None])[0],
        tile_values=_in_units(head, levels, scores.astype(np.float64)).astype(np.float32),
    )


def _in_units(head: MilHead, levels: dict[str, Tensor], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return scores in the units of the target, (n, n_outputs) -> (n, n_outputs)."""
    target = head.spec.target
    if target == "regression":
        return head.target_mean + head.target_sd * scores
    if target == "classification":
        return _logistic(scores)
    if target == "ordinal":
        logits = level_logits(levels, torch.from_numpy(scores.T[None]))  # (1, n_outputs, n, n_levels - 1)
        expected: NDArray[np.float64] = torch.sigmoid(logits).sum(-1)[0].T.numpy()
        return expected
    return scores


def _logistic(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    probability: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-scores))
    return probability
