"""Nested training state as JSON plus named arrays: what a pickle would hold, without anything that could run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cartopath.core.errors import ArtifactError, TrainingError

_NON_FINITE = ("inf", "-inf", "nan")


def split_tree(tree: Any) -> tuple[Any, dict[str, NDArray[Any]]]:
    """Divide a tree into a JSON value and arrays; `join_tree` is the way back.

    Plain values stand for themselves. Everything else is an object with one key: `dict` (a list of pairs, since keys may be
    numbers), `tuple`, `float` (inf, -inf, nan), `tensor` (the name of an array).

    Args:
        tree: Of dicts, lists, tuples, tensors, strings, numbers, booleans and None.

    Raises:
        TrainingError: It holds anything else.
    """
    arrays: dict[str, NDArray[Any]] = {}
    return _encode(tree, "", arrays), arrays


def _encode(value: Any, place: str, arrays: dict[str, NDArray[Any]]) -> Any:
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else {"float": repr(value)}
        case torch.Tensor():
            return _encode_tensor(value, place, arrays)
        case Mapping():
            return {"dict": [[_key(key, place), _encode(item, f"{place}/{key}", arrays)] for key, item in value.items()]}
        case tuple():
            return {"tuple": [_encode(item, f"{place}/{i}", arrays) for i, item in enumerate(value)]}
        case list():
            return [_encode(item, f"{place}/{i}", arrays) for i, item in enumerate(value)]
    raise TrainingError(
        f"training state at {place or '/'} is a {type(value).__name__}, which cannot be kept; use plain values and tensors"
    )


def _key(key: object, place: str) -> str | int:
    if isinstance(key, (str, int)) and not isinstance(key, bool):
        return key
    raise TrainingError(f"training state at {place or '/'} has the key {key!r}; only strings and integers can be kept")


def _encode_tensor(value: torch.Tensor, place: str, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    # Fused optimizers walk through memory, so the order of the axes in memory is part of the state.
    last = value.ndim == 4 and not value.is_contiguous() and value.is_contiguous(memory_format=torch.channels_last)
    arrays[place] = value.detach().cpu().contiguous().numpy().copy()
    return {"tensor": place, "shape": list(value.shape), "channels_last": last}


def join_tree(value: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    """Put together what `split_tree` divided; tensors are on the CPU.

    Raises:
        ArtifactError: It is not such a tree, or an array is missing.
    """
    if isinstance(value, list):
        return [join_tree(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"dict": list(pairs)}:
            return {key: join_tree(item, arrays) for key, item in pairs}
        case {"tuple": list(items)}:
            return tuple(join_tree(item, arrays) for item in items)
        case {"float": str(text)} if text in _NON_FINITE:
            return float(text)
        case {"tensor": str(name), "shape": list(shape), "channels_last": bool(last)} if name in arrays:
            tensor = torch.from_numpy(np.array(arrays[name])).reshape(shape)
            return tensor.contiguous(memory_format=torch.channels_last) if last else tensor
    raise ArtifactError(f"damaged training state: {str(value)[:80]}; delete the folder's resume.json to start again")
