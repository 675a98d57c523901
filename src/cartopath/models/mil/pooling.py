"""What each tile of a bag weighs, for every kind of head (F63)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import softplus

from cartopath.models.mil.spec import MilSpec


def pooling_weights(
    spec: MilSpec, values: Tensor, scores: Tensor | None, sizes: Sequence[int], *, k: int | None = None
) -> Tensor:
    """Return the weights of tiles, which sum to 1 over each bag.

    Args:
        spec: Which kind.
        values: (n_heads, n_outputs, n_tiles), the bags one after the other.
        scores: (n_heads, 1, n_tiles) of attention, for heads that have it.
        sizes: Tiles of each bag.
        k: Of `top_k`, in training; None for the mean over all.

    Returns:
        (n_heads, n_outputs or 1, n_tiles); 1 where all outputs share their weights.
    """
    if spec.has_attention:
        assert scores is not None
        return _by_bag(scores, sizes, lambda some: torch.softmax(some, -1))
    if spec.head in ("mean", "receptor"):
        return torch.cat([torch.full((size,), 1 / size, dtype=values.dtype, device=values.device) for size in sizes]).expand(
            len(values), 1, -1
        )
    if spec.head == "exponential":
        return _by_bag(values, sizes, lambda some: torch.softmax(some, -1))
    if spec.head == "linear":
        return _by_bag(softplus(values), sizes, lambda some: some / some.sum(-1, keepdim=True))
    if spec.head == "max":
        return _by_bag(values, sizes, lambda some: _highest(some, (1,)))
    return _by_bag(values, sizes, lambda some: _highest(some, spec.ks if k is None else (k,)))


def _by_bag(values: Tensor, sizes: Sequence[int], function: Callable[[Tensor], Tensor]) -> Tensor:
    if len(sizes) == 1:
        return function(values)
    return torch.cat([function(some) for some in torch.split(values, list(sizes), -1)], -1)


def _highest(values: Tensor, ks: Sequence[int]) -> Tensor:
    """Return the mean over ks of equal weights on the k highest values; of equal values the first counts as higher."""
    n_tiles = values.shape[-1]
    by_rank = sum((torch.arange(n_tiles, device=values.device) < k).to(values.dtype) / (min(k, n_tiles) * len(ks)) for k in ks)
    assert isinstance(by_rank, Tensor)
    n_counted = min(max(ks), n_tiles)
    order = values.detach().sort(stable=True, dim=-1, descending=True).indices[..., :n_counted]
    return torch.zeros_like(values).scatter(-1, order, by_rank[:n_counted].expand(order.shape))
