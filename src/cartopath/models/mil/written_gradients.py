"""The gradients of attention heads written out, several times cheaper than derived step by step: for one output per head.

The hidden layer has nothing behind it, so tiles meet only a row for the value and the layers of attention, each multiplied with
the hidden layer before. Gradients are taken of these and then passed on to their two factors. Within rounding they equal those
that torch derives from `pooled`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cartopath.models.mil.attention_units import AttentionUnits
from cartopath.models.mil.bag_sums import BagSums
from cartopath.models.mil.parameters import by_name
from cartopath.models.mil.scratch import Scratch
from cartopath.models.mil.spec import MilSpec

Blocks = Mapping[str, Tensor]


def has_written_gradients(spec: MilSpec) -> bool:
    """Return whether heads of this kind can go this way."""
    return spec.has_attention and spec.is_folded and spec.n_outputs == 1


@torch.no_grad()
def attention_predictions(spec: MilSpec, blocks: Blocks, tiles: Tensor, sizes: Sequence[int], *, scratch: Scratch) -> Tensor:
    """Return what all heads predict, without dropout, (n_heads, 1, n_bags); arguments are those of `attention_gradients`."""
    columns, bags = _columns(tiles), BagSums(sizes)
    attention = AttentionUnits(blocks, columns, scratch)
    values = _value_rows(blocks, None, 1).folded.squeeze(1) @ columns
    if spec.bound:
        values.clamp_(-spec.bound, spec.bound)
    predictions = values.new_empty(len(values), len(sizes))
    for heads in attention.few():
        shares = bags.softmax(attention.scores(heads, attention.of(heads)))
        predictions[heads] = bags.sums(shares.mul_(values[heads]))
    return predictions.unsqueeze(1)


@torch.no_grad()
def attention_gradients(
    spec: MilSpec,
    blocks: Blocks,
    tiles: Tensor,
    sizes: Sequence[int],
    *,
    kept: Tensor | None,
    of_predictions: Callable[[Tensor, slice], Tensor],
    into: Blocks,
    scratch: Scratch,
) -> None:
    """Write the gradients of a loss by the weights of all heads.

    What is large, attention's units of every tile, is computed for a few heads at a time, forwards and back.

    Args:
        spec: What the heads are.
        blocks: Weights, as `initial_parameters` lays them out.
        tiles: (n_tiles, n_features) float32, the bags one after the other.
        sizes: Tiles of each bag.
        kept: (n_heads, n_bags, n_hidden), what dropout multiplies the hidden units of each bag by; None for no dropout.
        of_predictions: Given predictions of some heads, (n_some, 1, n_bags), and which heads these are, returns the gradient of
            their losses by them.
        into: Where to write, laid out as `blocks`.
        scratch: For what is large on the way.
    """
    columns, bags = _columns(tiles), BagSums(sizes)
    with_one = columns.T.contiguous()
    attention = AttentionUnits(blocks, columns, scratch)
    rows = _value_rows(blocks, kept, len(sizes))
    values = bags.products(rows.folded, with_one)  # (n_heads, n_tiles)
    by_value = torch.empty_like(values)
    for heads in attention.few():
        units = attention.of(heads)
        shares = bags.softmax(attention.scores(heads, units))
        within = values[heads].clamp(-spec.bound, spec.bound) if spec.bound else values[heads]
        predictions = bags.sums(shares * within)  # (n_some, n_bags)
        by_prediction = bags.spread(of_predictions(predictions.unsqueeze(1), heads).squeeze(1))
        torch.mul(by_prediction, shares, out=by_value[heads])
        by_score = (within - bags.spread(predictions)).mul_(by_value[heads])
        if spec.bound:
            by_value[heads] *= within == values[heads]
        attention.go_back(heads, units, by_score, with_one, into)
    attention.write(into)
    _write_value(blocks, rows, bags.gathered(by_value, with_one), kept, into)


@dataclass(frozen=True, eq=False, slots=True)
class _Rows:
    """The value's row of each bag.

    Attributes:
        shown: What dropout leaves of it, (n_heads, n_bags, n_hidden).
        folded: The same together with the hidden layer and, last, its bias, (n_heads, n_bags, n_features + 1).
    """

    shown: Tensor
    folded: Tensor


def _columns(tiles: Tensor) -> Tensor:
    """Return tiles as columns with a 1 below each, which multiplies biases, (n_features + 1, n_tiles)."""
    columns = tiles.new_empty(tiles.shape[1] + 1, len(tiles))
    columns[:-1] = tiles.T
    columns[-1] = 1
    return columns


def _value_rows(blocks: Blocks, kept: Tensor | None, n_bags: int) -> _Rows:
    named = by_name(blocks)
    own, shift = named["value.weight"], named["value.bias"].unsqueeze(-1)  # (n_heads, 1, n_hidden), (n_heads, 1, 1)
    shown = own.expand(-1, n_bags, -1) if kept is None else own * kept
    if "hidden.0" not in blocks:
        return _Rows(shown, torch.cat([shown, shift.expand(-1, n_bags, -1)], -1))
    folded = shown @ blocks["hidden.0"]
    folded[..., -1:] += shift
    return _Rows(shown, folded)


def _write_value(blocks: Blocks, rows: _Rows, by_rows: Tensor, kept: Tensor | None, into: Blocks) -> None:
    """Pass the gradient by the folded rows on to the value's own row, and add that by the hidden layer."""
    by_shown = by_rows[..., :-1]
    if "hidden.0" in blocks:
        by_shown = by_rows @ blocks["hidden.0"].transpose(1, 2)  # (n_heads, n_bags, n_hidden)
        if rows.shown.shape[1] == 1:
            into["hidden.0"].addcmul_(rows.shown.transpose(1, 2), by_rows)
        else:
            into["hidden.0"].baddbmm_(rows.shown.transpose(1, 2), by_rows)
    named = by_name(into)
    named["value.weight"].copy_((by_shown if kept is None else by_shown * kept).sum(1, keepdim=True))
    named["value.bias"].copy_(by_rows[..., -1].sum(1, keepdim=True))
