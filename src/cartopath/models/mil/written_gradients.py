"""The gradients of attention heads written out, several times cheaper than derived step by step: for one output per head.

The hidden layer has nothing behind it, so tiles meet only two layers: one row for the value, and attention's, each already
multiplied with the hidden layer. Gradients are taken of these and then passed on to their two factors. Within rounding they equal
those that torch derives from `pooled`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cartopath.models.mil.scratch import Scratch
from cartopath.models.mil.spec import MilSpec

Weights = Mapping[str, Tensor]


def has_written_gradients(spec: MilSpec) -> bool:
    """Return whether heads of this kind can go this way."""
    return spec.head == "attention" and spec.is_folded and spec.n_outputs == 1


@torch.no_grad()
def attention_predictions(spec: MilSpec, weights: Weights, tiles: Tensor, sizes: Sequence[int], *, scratch: Scratch) -> Tensor:
    """Return what all heads predict, without dropout, (n_heads, 1, n_bags); arguments are those of `attention_gradients`."""
    with_one = torch.cat([tiles, tiles.new_ones(len(tiles), 1)], 1)
    bags = _Bags(sizes)
    shares = bags.softmax((weights["attention.score"] @ _attention(weights, with_one, scratch)).squeeze(1))
    values = _value_rows(weights, None, 1).folded.squeeze(1) @ with_one.T
    return bags.sums(shares * (values.clamp(-spec.bound, spec.bound) if spec.bound else values)).unsqueeze(1)


@torch.no_grad()
def attention_gradients(
    spec: MilSpec,
    weights: Weights,
    tiles: Tensor,
    sizes: Sequence[int],
    *,
    kept: Tensor | None,
    of_predictions: Callable[[Tensor], Tensor],
    into: Weights,
    scratch: Scratch,
) -> None:
    """Write the gradients of a loss by the weights of all heads.

    Args:
        spec: What the heads are.
        weights: By name, heads along the first axis.
        tiles: (n_tiles, n_features) float32, the bags one after the other.
        sizes: Tiles of each bag.
        kept: (n_heads, n_bags, n_hidden), what dropout multiplies the hidden units of each bag by; None for no dropout.
        of_predictions: Given predictions (n_heads, 1, n_bags), returns the gradient of the loss by them.
        into: Where to write, by name.
        scratch: For what is large on the way.
    """
    with_one = torch.cat([tiles, tiles.new_ones(len(tiles), 1)], 1)  # the last column multiplies biases
    attention = _attention(weights, with_one, scratch)
    rows = _value_rows(weights, kept, len(sizes))
    bags = _Bags(sizes)
    values = bags.products(rows.folded, with_one)  # (n_heads, n_tiles)
    within = values if not spec.bound else values.clamp(-spec.bound, spec.bound)
    shares = bags.softmax((weights["attention.score"] @ attention).squeeze(1))
    predictions = bags.sums(shares * within)  # (n_heads, n_bags)
    by_prediction = bags.spread(of_predictions(predictions.unsqueeze(1)).squeeze(1))
    by_value = by_prediction * shares
    by_score = by_value * (within - bags.spread(predictions))
    if spec.bound:
        by_value = by_value * (within == values)
    weighted = torch.mul(attention, by_score.unsqueeze(1), out=scratch.array("weighted", *attention.shape, like=attention))
    by_attention = _through_attention(weights, attention, weighted, by_score, tiles, into)
    by_rows = _Gradient(bags.gathered(by_value, tiles), bags.sums(by_value).unsqueeze(-1))
    _write_attention(weights, by_attention, into)
    _write_value(weights, rows, by_rows, kept, into)


@dataclass(frozen=True, eq=False, slots=True)
class _Rows:
    """The value's row of each bag.

    Attributes:
        shown: What dropout leaves of it, (n_heads, n_bags, n_hidden).
        folded: The same together with the hidden layer and, last, its bias, (n_heads, n_bags, n_features + 1).
    """

    shown: Tensor
    folded: Tensor


@dataclass(frozen=True, eq=False, slots=True)
class _Gradient:
    """By the rows of a layer: `weight` (n_heads, n_rows, n_features) and `bias` (n_heads, n_rows, 1)."""

    weight: Tensor
    bias: Tensor


def _attention(weights: Weights, with_one: Tensor, scratch: Scratch) -> Tensor:
    """Return the units of attention, (n_heads, n_attention, n_tiles)."""
    own = weights["attention.weight"]
    folded = _with_hidden(weights, own)
    folded[..., -1] += weights["attention.bias"]
    n_heads, n_units, width = folded.shape
    units = scratch.array("attention", n_heads * n_units, len(with_one), like=with_one)
    return torch.mm(folded.view(-1, width), with_one.T, out=units).tanh_().view(n_heads, n_units, -1)


def _value_rows(weights: Weights, kept: Tensor | None, n_bags: int) -> _Rows:
    own = weights["value.weight"]  # (n_heads, 1, n_hidden)
    shown = own.expand(-1, n_bags, -1) if kept is None else own * kept
    folded = _with_hidden(weights, shown)
    folded[..., -1] += weights["value.bias"]
    return _Rows(shown, folded)


def _with_hidden(weights: Weights, rows: Tensor) -> Tensor:
    """Return rows multiplied with the hidden layer and its bias, (n_heads, n, n_hidden) -> (n_heads, n, n_features + 1)."""
    weight, bias = weights["hidden.0.weight"], weights["hidden.0.bias"]
    return torch.cat([rows @ weight, rows @ bias.unsqueeze(-1)], -1)


def _through_attention(
    weights: Weights, attention: Tensor, weighted: Tensor, by_score: Tensor, tiles: Tensor, into: Weights
) -> _Gradient:
    """Write the gradient by the score and return that by the folded layer of attention.

    Args:
        weights: Of the heads.
        attention: (n_heads, n_attention, n_tiles), units; overwritten.
        weighted: Those times `by_score`.
        by_score: (n_heads, n_tiles), gradient by the scores of tiles.
        tiles: (n_tiles, n_features).
        into: Where to write.
    """
    n_heads, n_units, n_tiles = attention.shape
    score = weights["attention.score"].transpose(1, 2)  # (n_heads, n_attention, 1)
    into["attention.score"].copy_(weighted.sum(-1, keepdim=True).transpose(1, 2))
    slope = torch.addcmul(by_score.unsqueeze(1), weighted, attention, value=-1, out=attention)  # by_score (1 - attention^2)
    by_weight = torch.mm(slope.reshape(-1, n_tiles), tiles).reshape(n_heads, n_units, -1)
    return _Gradient(by_weight.mul_(score), slope.sum(-1, keepdim=True).mul_(score))


def _write_attention(weights: Weights, by_folded: _Gradient, into: Weights) -> None:
    """Pass the gradient by the folded layer on to attention's own layer and to the hidden one."""
    own = weights["attention.weight"]
    into["attention.bias"].copy_(by_folded.bias.squeeze(-1))
    torch.bmm(by_folded.weight, weights["hidden.0.weight"].transpose(1, 2), out=into["attention.weight"])
    into["attention.weight"].addcmul_(by_folded.bias, weights["hidden.0.bias"].unsqueeze(1))
    torch.bmm(own.transpose(1, 2), by_folded.weight, out=into["hidden.0.weight"])
    into["hidden.0.bias"].copy_((own.transpose(1, 2) @ by_folded.bias).squeeze(-1))


def _write_value(weights: Weights, rows: _Rows, by_rows: _Gradient, kept: Tensor | None, into: Weights) -> None:
    """Pass the gradient by the folded rows on to the value's own row, and add it to those of the hidden layer."""
    by_shown = by_rows.weight @ weights["hidden.0.weight"].transpose(1, 2)  # (n_heads, n_bags, n_hidden)
    by_shown.addcmul_(by_rows.bias, weights["hidden.0.bias"].unsqueeze(1))
    into["value.weight"].copy_((by_shown if kept is None else by_shown * kept).sum(1, keepdim=True))
    into["value.bias"].copy_(by_rows.bias.sum(1))
    if rows.shown.shape[1] == 1:
        into["hidden.0.weight"].addcmul_(rows.shown.transpose(1, 2), by_rows.weight)
    else:
        into["hidden.0.weight"].baddbmm_(rows.shown.transpose(1, 2), by_rows.weight)
    into["hidden.0.bias"].add_((rows.shown.transpose(1, 2) @ by_rows.bias).squeeze(-1))


class _Bags:
    """Sums and products over the tiles of each bag, which lie one after the other."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self._sizes = list(sizes)
        self._is_even = len(set(sizes)) == 1

    def softmax(self, scores: Tensor) -> Tensor:
        if self._is_even:
            return torch.softmax(self._split(scores), -1).reshape(scores.shape)
        return torch.cat([torch.softmax(some, -1) for some in torch.split(scores, self._sizes, -1)], -1)

    def sums(self, values: Tensor) -> Tensor:
        """(n_heads, n_tiles) -> (n_heads, n_bags)."""
        if self._is_even:
            return self._split(values).sum(-1)
        return torch.stack([some.sum(-1) for some in torch.split(values, self._sizes, -1)], -1)

    def spread(self, values: Tensor) -> Tensor:
        """Return for each tile what its bag has, (n_heads, n_bags) -> (n_heads, n_tiles)."""
        if len(self._sizes) == 1:
            return values
        return values.repeat_interleave(torch.tensor(self._sizes, device=values.device), -1)

    def products(self, rows: Tensor, tiles: Tensor) -> Tensor:
        """Return each tile times the row of its bag, (n_heads, n_bags, d) and (n_tiles, d) -> (n_heads, n_tiles)."""
        parts = torch.split(tiles, self._sizes)
        return torch.cat([rows[:, number] @ some.T for number, some in enumerate(parts)], -1)

    def gathered(self, values: Tensor, tiles: Tensor) -> Tensor:
        """Return the sum of tiles times values by bag, (n_heads, n_tiles) and (n_tiles, d) -> (n_heads, n_bags, d)."""
        parts = zip(torch.split(values, self._sizes, -1), torch.split(tiles, self._sizes), strict=True)
        return torch.stack([some @ own for some, own in parts], 1)

    def _split(self, values: Tensor) -> Tensor:
        return values.reshape(len(values), len(self._sizes), -1)
