"""Many multiple-instance heads of one kind over the same tiles: a value and a weight per tile and head, a prediction per bag."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cartopath.models.mil.folding import folded, folded_values, linear
from cartopath.models.mil.pooling import pooling_weights
from cartopath.models.mil.spec import MilSpec
from cartopath.models.mil.transformer import token_states

Parameters = Mapping[str, Tensor]


@dataclass(frozen=True, eq=False, slots=True)
class Pooled:
    """What heads say of bags.

    Attributes:
        values: (n_heads, n_outputs, n_tiles), the bags one after the other.
        weights: (n_heads, n_outputs or 1, n_tiles), summing to 1 over each bag.
        predictions: (n_heads, n_outputs, n_bags), the sums of weight times value.
    """

    values: Tensor
    weights: Tensor
    predictions: Tensor


def pooled(
    spec: MilSpec,
    parameters: Parameters,
    tiles: Tensor,
    sizes: Sequence[int],
    *,
    kept: Tensor | None = None,
    k: int | None = None,
) -> Pooled:
    """Return values, weights and predictions of all heads.

    Args:
        spec: What the heads are.
        parameters: By name, heads along the first axis.
        tiles: (n_tiles, n_features) float32, the bags one after the other. For a transformer: the means of its groups.
        sizes: Tiles of each bag.
        kept: (n_heads, n_bags, `spec.n_droppable`) in training: 0 for a hidden unit that is left out, otherwise 1 / (1 - rate).
        k: Of `top_k`, in training.
    """
    values, scores = _values_and_scores(spec, parameters, tiles, sizes, kept)
    if spec.head == "receptor":
        values = spec.bound * torch.tanh(values)
    elif spec.bound:
        values = values.clamp(-spec.bound, spec.bound)
    weights = pooling_weights(spec, values, scores, sizes, k=k)
    weighted = weights * values
    predictions = torch.stack([some.sum(-1) for some in torch.split(weighted, list(sizes), -1)], -1)
    return Pooled(values, weights, predictions)


def _values_and_scores(
    spec: MilSpec, parameters: Parameters, tiles: Tensor, sizes: Sequence[int], kept: Tensor | None
) -> tuple[Tensor, Tensor | None]:
    if spec.head == "transformer":
        hidden = token_states(spec, parameters, tiles, sizes)
        return linear(_dropped(hidden, kept, sizes), parameters, "value"), None
    if spec.is_folded:
        scores = _scores(spec, folded(parameters), tiles.T) if spec.has_attention else None
        return folded_values(parameters, tiles, sizes, kept), scores
    hidden = tiles.T  # (n_features, n_tiles)
    for layer in range(spec.depth):
        hidden = linear(hidden, parameters, f"hidden.{layer}")  # (n_heads, n_hidden, n_tiles)
        if spec.activation == "relu":
            hidden = torch.relu(hidden)
        if layer + 1 < spec.depth:
            hidden = _dropped(hidden, _of_layer(kept, layer, spec), sizes)
    scores = _scores(spec, parameters, hidden) if spec.has_attention else None
    hidden = _dropped(hidden, _of_layer(kept, spec.depth - 1, spec), sizes)
    return linear(hidden, parameters, "value"), scores


def _scores(spec: MilSpec, parameters: Parameters, hidden: Tensor) -> Tensor:
    """Return the scores of attention before the softmax, (n_heads, n_hidden, n_tiles) -> (n_heads, 1, n_tiles)."""
    units = torch.tanh(linear(hidden, parameters, "attention"))
    if spec.head == "gated_attention":
        units = units * torch.sigmoid(linear(hidden, parameters, "gate"))
    return parameters["attention.score"] @ units


def _of_layer(kept: Tensor | None, layer: int, spec: MilSpec) -> Tensor | None:
    return None if kept is None else kept[..., layer * spec.width : (layer + 1) * spec.width]


def _dropped(hidden: Tensor, kept: Tensor | None, sizes: Sequence[int]) -> Tensor:
    """Leave units out, (n_heads, n_hidden, n_tiles) with (n_heads, n_bags, n_hidden) -> (n_heads, n_hidden, n_tiles)."""
    if kept is None:
        return hidden
    by_unit = kept.transpose(1, 2)  # (n_heads, n_hidden, n_bags)
    if len(sizes) == 1:
        return hidden * by_unit
    return hidden * by_unit.repeat_interleave(torch.tensor(sizes, device=hidden.device), -1)
