"""Files of published weights, safetensors or torch's own: numbers with names, and nothing that would run."""

from __future__ import annotations

import re
from pathlib import Path
from pickle import UnpicklingError  # noqa: TID251 - caught where torch refuses a file; nothing is unpickled here
from typing import Any
from zipfile import BadZipFile

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from cartopath.core.errors import BundleError

_WANTED = "give the file that the encoder's makers published"
_WRAPPERS = ("model", "state_dict")
"""Under what checkpoints keep the weights beside other things."""
_PARALLEL = "module."
_TORCH_STARTS = (b"PK", b"\x80")
"""First bytes of what torch writes: a zip file, formerly a pickle."""
_FOREIGN = re.compile(r"GLOBAL ([\w.]+)")
"""How torch says what it would have to run."""


def read_weight_file(path: Path) -> dict[str, Tensor]:
    """Return the weights in a file, by name.

    Raises:
        BundleError: It is missing, damaged, or holds something else than weights.
    """
    if not path.is_file():
        raise BundleError(f"{path}: no such file of weights")
    content = _safetensors(path) if path.suffix == ".safetensors" else _checkpoint(path)
    for name in _WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(name), dict):
            content = content[name]
    if not isinstance(content, dict) or not content or not all(isinstance(value, Tensor) for value in content.values()):
        raise BundleError(f"{path}: holds no weights by name; {_WANTED}")
    return {name.removeprefix(_PARALLEL): value for name, value in content.items()}


def _safetensors(path: Path) -> dict[str, Tensor]:
    try:
        weights: dict[str, Tensor] = load_file(path)
    except (SafetensorError, OSError) as error:
        raise BundleError(f"{path}: damaged safetensors file ({error}); fetch it again") from error
    return weights


def _checkpoint(path: Path) -> Any:
    with path.open("rb") as file:
        start = file.read(2)
    if not start.startswith(_TORCH_STARTS):
        raise BundleError(f"{path}: is no file of weights (neither safetensors nor torch); {_WANTED}")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)  # noqa: TID251 - reads tensors, runs no code
    except (UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, BadZipFile, OSError) as error:
        foreign = _FOREIGN.search(str(error))
        reason = f"it holds {foreign[1]} as well" if foreign else "damaged, or not of torch"
        raise BundleError(f"{path}: not readable as weights alone ({reason}); {_WANTED}, or convert it to safetensors") from error
