"""The units of attention of all tiles, forwards and back, for some heads at a time: tanh alone, or times a logistic gate.

The layers of attention and of its gate are linear in the features up to here: each is first multiplied with the hidden layer.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from cartopath.models.mil.scratch import Scratch

Blocks = Mapping[str, Tensor]

_UNITS_AT_ONCE = 1 << 20


class AttentionUnits:
    """What tiles are to the attention of many heads.

    Args:
        blocks: Weights of the heads, as `initial_parameters` lays them out.
        columns: Tiles with a 1 below each, (n_features + 1, n_tiles).
        scratch: For what is large.
    """

    def __init__(self, blocks: Blocks, columns: Tensor, scratch: Scratch) -> None:
        self._blocks, self._columns, self._scratch = blocks, columns, scratch
        self._score = blocks["attention.score"]
        names = [name for name in ("attention", "gate") if name in blocks or f"{name}.weight" in blocks]
        self._folded = {name: self._fold(name) for name in names}
        self._by_folded: dict[str, Tensor] = {}

    def few(self) -> list[slice]:
        """Return heads in lots that are small enough for their units to stay in the processor's cache."""
        n_heads, n_units = self._score.shape[0], self._score.shape[2]
        at_once = max(1, _UNITS_AT_ONCE // (len(self._folded) * n_units * self._columns.shape[1]))
        return [slice(first, min(first + at_once, n_heads)) for first in range(0, n_heads, at_once)]

    def of(self, heads: slice) -> list[Tensor]:
        """Return tanh and, with a gate, the gate and their product; what is scored comes last.

        (n_some, n_attention, n_tiles) each, in the memory of those of the heads before.
        """
        tanh = self._linear("attention", heads).tanh_()
        if "gate" not in self._folded:
            return [tanh]
        gate = self._linear("gate", heads).sigmoid_()
        return [tanh, gate, torch.mul(tanh, gate, out=self._scratch.array("gated", *tanh.shape, like=tanh))]

    def scores(self, heads: slice, units: list[Tensor]) -> Tensor:
        """Return the scores of tiles before the softmax, (n_some, n_tiles)."""
        return torch.bmm(self._score[heads], units[-1]).squeeze(1)

    def go_back(self, heads: slice, units: list[Tensor], by_score: Tensor, with_one: Tensor, into: Blocks) -> None:
        """Write the gradient by the row of scores, and keep that by the folded layers for `write`.

        Args:
            heads: Which.
            units: Theirs.
            by_score: (n_some, n_tiles), the gradient by the scores of tiles.
            with_one: The columns as rows, (n_tiles, n_features + 1).
            into: Where to write, laid out as the blocks.
        """
        rows = by_score.unsqueeze(1)
        torch.bmm(rows, units[-1].transpose(1, 2), out=into["attention.score"][heads])
        for name, folded in self._folded.items():
            slopes = self._scratch.array("slopes", *units[0].shape, like=rows)
            if len(units) == 1:
                torch.ops.aten.tanh_backward.grad_input(rows.expand_as(slopes), units[0], grad_input=slopes)
            elif name == "attention":
                torch.ops.aten.tanh_backward.grad_input(torch.mul(units[1], rows, out=slopes), units[0], grad_input=slopes)
            else:
                torch.ops.aten.sigmoid_backward.grad_input(torch.mul(units[0], rows, out=slopes), units[1], grad_input=slopes)
            if name not in self._by_folded:
                self._by_folded[name] = self._scratch.array(f"by {name}", *folded.shape, like=folded)
            by_folded = self._by_folded[name][heads]
            torch.mm(slopes.view(-1, len(with_one)), with_one, out=by_folded.view(-1, with_one.shape[1]))

    def write(self, into: Blocks) -> None:
        """Pass the gradients by the folded layers on to attention's own layers and to the hidden one."""
        for number, (name, by_folded) in enumerate(self._by_folded.items()):
            by_folded *= self._score.transpose(1, 2)
            if "hidden.0" not in self._blocks:
                into[name].copy_(by_folded)
                continue
            own, hidden = self._blocks[f"{name}.weight"], self._blocks["hidden.0"]
            torch.bmm(by_folded, hidden.transpose(1, 2), out=into[f"{name}.weight"])
            into[f"{name}.bias"].copy_(by_folded[..., -1])
            if number == 0:
                torch.bmm(own.transpose(1, 2), by_folded, out=into["hidden.0"])
            else:
                into["hidden.0"].baddbmm_(own.transpose(1, 2), by_folded)

    def _fold(self, name: str) -> Tensor:
        """Return a layer together with the hidden one, (n_heads, n_attention, n_features + 1)."""
        if "hidden.0" not in self._blocks:
            return self._blocks[name]
        own, hidden = self._blocks[f"{name}.weight"], self._blocks["hidden.0"]
        room = self._scratch.array(f"folded {name}", *own.shape[:2], hidden.shape[2], like=own)
        torch.bmm(own, hidden, out=room)
        room[..., -1] += self._blocks[f"{name}.bias"]
        return room

    def _linear(self, name: str, heads: slice) -> Tensor:
        folded, columns = self._folded[name][heads], self._columns
        units = self._scratch.array(f"units {name}", *folded.shape[:2], columns.shape[1], like=columns)
        torch.mm(folded.view(-1, len(columns)), columns, out=units.view(-1, columns.shape[1]))
        return units
