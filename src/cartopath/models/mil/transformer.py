"""A small transformer over groups of tiles, for many heads at once (after SEQUOIA, Pizurica et al. 2024; F65)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn.functional import relu, scaled_dot_product_attention

from cartopath.models.mil.spec import MilSpec

_TINY = 1e-5


def token_states(spec: MilSpec, parameters: Mapping[str, Tensor], groups: Tensor, sizes: Sequence[int]) -> Tensor:
    """Return the last state of each group's token.

    Tokens carry no position: what is around a group is not told, what else the bag holds is.

    Args:
        spec: What the heads are.
        parameters: By name, heads along the first axis.
        groups: (n_groups, n_features), the mean features of the groups of tiles, the bags one after the other.
        sizes: Groups of each bag.

    Returns:
        (n_heads, n_hidden, n_groups).
    """
    tokens = _linear(groups.expand(len(parameters["embed.weight"]), -1, -1), parameters, "embed")  # (heads, groups, hidden)
    for layer in range(spec.depth):
        tokens = tokens + _attended(spec, parameters, layer, _normed(tokens, parameters, f"{layer}.attending"), sizes)
        wide = relu(_linear(_normed(tokens, parameters, f"{layer}.widening"), parameters, f"{layer}.wide"))
        tokens = tokens + _linear(wide, parameters, f"{layer}.narrow")
    return _normed(tokens, parameters, "last").transpose(1, 2)


def _attended(spec: MilSpec, parameters: Mapping[str, Tensor], layer: int, tokens: Tensor, sizes: Sequence[int]) -> Tensor:
    """Return what each token takes over from those of its bag, (n_heads, n_groups, n_hidden) -> the same."""
    n_models, _, width = tokens.shape
    asked = _linear(tokens, parameters, f"{layer}.queries")
    parts = []
    for some in torch.split(asked, list(sizes), 1):
        split = some.reshape(n_models, some.shape[1], 3, spec.n_token_heads, width // spec.n_token_heads)
        queries, keys, values = split.permute(2, 0, 3, 1, 4)  # (n_heads, token heads, groups, width / token heads) each
        taken = scaled_dot_product_attention(queries, keys, values)
        parts.append(taken.transpose(1, 2).reshape(n_models, some.shape[1], width))
    return _linear(torch.cat(parts, 1), parameters, f"{layer}.mixing")


def _linear(tokens: Tensor, parameters: Mapping[str, Tensor], name: str) -> Tensor:
    return torch.baddbmm(parameters[f"{name}.bias"].unsqueeze(1), tokens, parameters[f"{name}.weight"].transpose(1, 2))


def _normed(tokens: Tensor, parameters: Mapping[str, Tensor], name: str) -> Tensor:
    centred = tokens - tokens.mean(-1, keepdim=True)
    scaled = centred * torch.rsqrt(centred.square().mean(-1, keepdim=True) + _TINY)
    return scaled * parameters[f"{name}.gain"].unsqueeze(1) + parameters[f"{name}.shift"].unsqueeze(1)
