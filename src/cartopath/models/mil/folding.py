"""Linear layers of many heads; two in a row without anything between them are computed as one, which is several times cheaper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor


def linear(columns: Tensor, parameters: Mapping[str, Tensor], name: str) -> Tensor:
    """Return each head's linear layer applied to columns, (n_heads, n_in, n) or (n_in, n) -> (n_heads, n_out, n)."""
    weight, bias = parameters[f"{name}.weight"], parameters[f"{name}.bias"]
    if columns.ndim == 2:
        n_heads, n_out, n_in = weight.shape
        return torch.addmm(bias.reshape(-1, 1), weight.reshape(n_heads * n_out, n_in), columns).reshape(n_heads, n_out, -1)
    return torch.baddbmm(bias.unsqueeze(-1), weight, columns)


def folded(parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the layers of attention as they act on features: each together with the hidden layer before it."""
    if "hidden.0.weight" not in parameters:
        return dict(parameters)
    weight, bias = parameters["hidden.0.weight"], parameters["hidden.0.bias"].unsqueeze(-1)
    found = {"attention.score": parameters["attention.score"]}
    for name in ("attention", "gate"):
        if f"{name}.weight" in parameters:
            own = parameters[f"{name}.weight"]
            found[f"{name}.weight"] = own @ weight
            found[f"{name}.bias"] = parameters[f"{name}.bias"] + (own @ bias).squeeze(-1)
    return found


def folded_values(parameters: Mapping[str, Tensor], tiles: Tensor, sizes: Sequence[int], kept: Tensor | None) -> Tensor:
    """Return the values of tiles, (n_tiles, n_features) -> (n_heads, n_outputs, n_tiles).

    Args:
        parameters: Of the heads.
        tiles: The bags one after the other.
        sizes: Tiles of each bag.
        kept: (n_heads, n_bags, n_hidden), what dropout multiplies the hidden units of each bag by.
    """
    own, shift = parameters["value.weight"], parameters["value.bias"]
    parts = []
    for number, some in enumerate(torch.split(tiles, list(sizes)) if kept is not None else [tiles]):
        shown = own if kept is None else own * kept[:, number].unsqueeze(1)  # (n_heads, n_outputs, n_hidden)
        rows = {"value.weight": shown, "value.bias": shift}
        if "hidden.0.weight" in parameters:
            bias = parameters["hidden.0.bias"].unsqueeze(-1)
            rows = {"value.weight": shown @ parameters["hidden.0.weight"], "value.bias": shift + (shown @ bias).squeeze(-1)}
        parts.append(linear(some.T, rows, "value"))
    return parts[0] if len(parts) == 1 else torch.cat(parts, -1)
