"""Sums and products over the tiles of each bag, for many heads; the bags lie one after the other."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class BagSums:
    """What is summed, or shared out, within each bag.

    Args:
        sizes: Tiles of each bag.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        self._sizes = list(sizes)
        self._is_even = len(set(sizes)) == 1

    def softmax(self, scores: Tensor) -> Tensor:
        """(n_heads, n_tiles) -> shares that sum to 1 over each bag."""
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
