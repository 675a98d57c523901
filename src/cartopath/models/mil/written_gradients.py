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

Blocks = Mapping[str, Tensor]

_UNITS_AT_ONCE = 1 << 17


def has_written_gradients(spec: MilSpec) -> bool:
    """Return whether heads of this kind can go this way."""
    return spec.head == "attention" and spec.is_folded and spec.n_outputs == 1


@torch.no_grad()
def attention_predictions(spec: MilSpec, blocks: Blocks, tiles: Tensor, sizes: Sequence[int], *, scratch: Scratch) -> Tensor:
    """Return what all heads predict, without dropout, (n_heads, 1, n_bags); arguments are those of `attention_gradients`."""
    with_one = torch.cat([tiles, tiles.new_ones(len(tiles), 1)], 1)
    bags = _Bags(sizes)
    shares = bags.softmax(_attend(blocks, with_one, scratch, keep=False).scores)
    values = _value_rows(blocks, None, 1).folded.squeeze(1) @ with_one.T
    return bags.sums(shares * (values.clamp(-spec.bound, spec.bound) if spec.bound else values)).unsqueeze(1)


@torch.no_grad()
def attention_gradients(
    spec: MilSpec,
    blocks: Blocks,
    tiles: Tensor,
    sizes: Sequence[int],
    *,
    kept: Tensor | None,
    of_predictions: Callable[[Tensor], Tensor],
    into: Blocks,
    scratch: Scratch,
) -> None:
    """Write the gradients of a loss by the weights of all heads.

    Args:
        spec: What the heads are.
        blocks: Weights, as `initial_parameters` lays them out.
        tiles: (n_tiles, n_features) float32, the bags one after the other.
        sizes: Tiles of each bag.
        kept: (n_heads, n_bags, n_hidden), what dropout multiplies the hidden units of each bag by; None for no dropout.
        of_predictions: Given predictions (n_heads, 1, n_bags), returns the gradient of the loss by them.
        into: Where to write, laid out as `blocks`.
        scratch: For what is large on the way.
    """
    with_one = torch.cat([tiles, tiles.new_ones(len(tiles), 1)], 1)  # the last column multiplies biases
    bags = _Bags(sizes)
    attention = _attend(blocks, with_one, scratch, keep=True)
    rows = _value_rows(blocks, kept, len(sizes))
    values = bags.products(rows.folded, with_one)  # (n_heads, n_tiles)
    within = values if not spec.bound else values.clamp(-spec.bound, spec.bound)
    shares = bags.softmax(attention.scores)
    predictions = bags.sums(shares * within)  # (n_heads, n_bags)
    by_prediction = bags.spread(of_predictions(predictions.unsqueeze(1)).squeeze(1))
    by_value = by_prediction * shares
    by_score = by_value * (within - bags.spread(predictions))
    if spec.bound:
        by_value = by_value * (within == values)
    by_folded = _through_attention(blocks, attention.units, by_score, with_one, into, scratch)
    _write_attention(blocks, by_folded, into, scratch)
    _write_value(blocks, rows, bags.gathered(by_value, with_one), kept, into)


@dataclass(frozen=True, eq=False, slots=True)
class _Attention:
    """Units (n_heads, n_attention, n_tiles), or of some heads only, and scores (n_heads, n_tiles) before the softmax."""

    units: Tensor
    scores: Tensor


@dataclass(frozen=True, eq=False, slots=True)
class _Rows:
    """The value's row of each bag.

    Attributes:
        shown: What dropout leaves of it, (n_heads, n_bags, n_hidden).
        folded: The same together with the hidden layer and, last, its bias, (n_heads, n_bags, n_features + 1).
    """

    shown: Tensor
    folded: Tensor


def _attend(blocks: Blocks, with_one: Tensor, scratch: Scratch, *, keep: bool) -> _Attention:
    """Compute attention a few heads at a time; their units stay in memory only if they are to be kept."""
    folded = own = blocks["attention"]
    if "hidden.0" in blocks:
        folded = scratch.array("folded", *own.shape[:2], with_one.shape[1], like=own)
        torch.bmm(own[..., :-1], blocks["hidden.0"], out=folded)  # (n_heads, n_attention, n_features + 1)
        folded[..., -1] += own[..., -1]
    (n_heads, n_units, width), n_tiles = folded.shape, len(with_one)
    few = _few(n_heads, n_units * n_tiles)
    units = scratch.array("units", n_heads if keep else min(n_heads, few[0].stop), n_units, n_tiles, like=with_one)
    scores = with_one.new_empty(n_heads, 1, n_tiles)
    for rows in few:
        some = units[rows] if keep else units[: rows.stop - rows.start]
        torch.mm(folded[rows].view(-1, width), with_one.T, out=some.view(-1, n_tiles))
        torch.bmm(blocks["attention.score"][rows], some.tanh_(), out=scores[rows])
    return _Attention(units, scores.squeeze(1))


def _few(n_heads: int, numbers_each: int) -> list[slice]:
    """Return heads in lots so small that what is computed of them stays in the processor's cache."""
    at_once = max(1, _UNITS_AT_ONCE // numbers_each)
    return [slice(first, min(first + at_once, n_heads)) for first in range(0, n_heads, at_once)]


def _value_rows(blocks: Blocks, kept: Tensor | None, n_bags: int) -> _Rows:
    own = blocks["value"][..., :-1]  # (n_heads, 1, n_hidden)
    shown = own.expand(-1, n_bags, -1) if kept is None else own * kept
    shift = blocks["value"][..., -1:].expand(-1, n_bags, -1)
    if "hidden.0" not in blocks:
        return _Rows(shown, torch.cat([shown, shift], -1))
    folded = shown @ blocks["hidden.0"]
    folded[..., -1:] += shift
    return _Rows(shown, folded)


def _through_attention(
    blocks: Blocks, units: Tensor, by_score: Tensor, with_one: Tensor, into: Blocks, scratch: Scratch
) -> Tensor:
    """Write the gradient by the weights of the score and return that by the folded layer of attention.

    Args:
        blocks: Of the heads.
        units: (n_heads, n_attention, n_tiles).
        by_score: (n_heads, n_tiles), gradient by the scores of tiles.
        with_one: (n_tiles, n_features + 1).
        into: Where to write.
        scratch: For what is large on the way.

    Returns:
        (n_heads, n_attention, n_features + 1).
    """
    n_heads, n_units, n_tiles = units.shape
    by_folded = scratch.array("by_folded", n_heads, n_units, with_one.shape[1], like=units)
    few = _few(n_heads, n_units * n_tiles)
    room = scratch.array("weighted", few[0].stop, n_units, n_tiles, like=units)
    for rows in few:
        some, own = units[rows], by_score[rows].unsqueeze(1)
        weighted = torch.mul(some, own, out=room[: len(some)])
        torch.sum(weighted, -1, out=into["attention.score"][rows, 0])
        slope = torch.addcmul(own, weighted, some, value=-1, out=weighted)  # by_score (1 - units^2)
        torch.mm(slope.view(-1, n_tiles), with_one, out=by_folded[rows].view(-1, with_one.shape[1]))
    return by_folded.mul_(blocks["attention.score"].transpose(1, 2))


def _write_attention(blocks: Blocks, by_folded: Tensor, into: Blocks, scratch: Scratch) -> None:
    """Pass the gradient by the folded layer on to attention's own layer and to the hidden one."""
    if "hidden.0" not in blocks:
        into["attention"].copy_(by_folded)
        return
    hidden, own = blocks["hidden.0"], blocks["attention"][..., :-1]
    into["attention"][..., :-1] = torch.bmm(by_folded, hidden.transpose(1, 2), out=scratch.array("own", *own.shape, like=own))
    into["attention"][..., -1] = by_folded[..., -1]
    torch.bmm(own.transpose(1, 2), by_folded, out=into["hidden.0"])


def _write_value(blocks: Blocks, rows: _Rows, by_rows: Tensor, kept: Tensor | None, into: Blocks) -> None:
    """Pass the gradient by the folded rows on to the value's own row, and add that by the hidden layer."""
    by_shown = by_rows[..., :-1]
    if "hidden.0" in blocks:
        by_shown = by_rows @ blocks["hidden.0"].transpose(1, 2)  # (n_heads, n_bags, n_hidden)
        if rows.shown.shape[1] == 1:
            into["hidden.0"].addcmul_(rows.shown.transpose(1, 2), by_rows)
        else:
            into["hidden.0"].baddbmm_(rows.shown.transpose(1, 2), by_rows)
    into["value"][..., :-1] = (by_shown if kept is None else by_shown * kept).sum(1, keepdim=True)
    into["value"][..., -1] = by_rows[..., -1].sum(1, keepdim=True)


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
