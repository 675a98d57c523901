"""Published weights put into the networks built here: whatever a file calls them, each has its place and none is left over."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, cast

import torch
from numpy.typing import NDArray
from torch import Tensor

from cartopath.models.classifier import load_weights
from cartopath.models.encoders.card import EncoderCard
from cartopath.models.encoders.network import EncoderNetwork

Weights = Mapping[str, Tensor]

_HF_VIT = {
    r"attention\.output\.dense": "attn.proj",
    r"layernorm_before": "norm1",
    r"layernorm_after": "norm2",
    r"intermediate\.dense": "mlp.fc1",
    r"output\.dense": "mlp.fc2",
}
_HF_DINOV2 = {
    r"attention\.output\.dense": "attn.proj",
    r"layer_scale([12])\.lambda1": r"ls\1.gamma",
    r"mlp\.weights_in": "mlp.fc1",
    r"mlp\.weights_out": "mlp.fc2",
}
_HF_UNUSED = re.compile(r"(.*\.)?(mask_token|pooler\..*)$")
_SWIN_UNUSED = re.compile(r".*(relative_position_index|attn_mask)$|head\..*")


def load_published(network: EncoderNetwork, weights: Weights, card: EncoderCard, *, source: str) -> None:
    """Put published weights into a network.

    Args:
        network: Built by `build_encoder` for the card; changed in place.
        weights: By the names of their file.
        card: Says how they are named and arranged.
        source: The file, for messages.

    Raises:
        ArtifactError: One is missing, left over or of another shape: the file is of another network.
    """
    placed = {
        "exact": _exact,
        "hf-vit": _vit,
        "hf-dinov2": _dinov2,
        "ctranspath": _swin,
        "conch": _conch,
        "conch-1.5": _conch,
    }[card.layout](weights, network)
    load_weights(network, {name: _numbers(value) for name, value in placed.items()}, source=source)


def _numbers(value: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = (value.float() if value.is_floating_point() else value).numpy()
    return array


def _exact(weights: Weights, network: EncoderNetwork) -> dict[str, Tensor]:
    return {f"trunk.{name}": value for name, value in weights.items() if not name.startswith("head.")}


def _vit(weights: Weights, network: EncoderNetwork) -> dict[str, Tensor]:
    return _hugging_face(weights, _HF_VIT)


def _hugging_face(weights: Weights, names: Mapping[str, str]) -> dict[str, Tensor]:
    """Rename what the library transformers calls the parts of a ViT, and join its three projections into one."""
    stem = _common_stem(weights)
    found: dict[str, Tensor] = {}
    for full, value in weights.items():
        name = full.removeprefix(stem)
        if not _HF_UNUSED.match(name):
            found[f"trunk.{_renamed(name, names)}"] = value
    for name in [name for name in found if ".attn.query." in name]:
        parts = [
            found.pop(name.replace("query", part)) for part in ("query", "key", "value") if name.replace("query", part) in found
        ]
        found[name.replace("query", "qkv")] = torch.cat(parts)
    return found


def _common_stem(weights: Weights) -> str:
    """Return what stands before `embeddings.` in all names: nothing, or the name of a model around the ViT."""
    first = next((name for name in weights if "embeddings." in name), "")
    return first.partition("embeddings.")[0]


def _renamed(name: str, names: Mapping[str, str]) -> str:
    fixed = {
        "embeddings.cls_token": "cls_token",
        "embeddings.position_embeddings": "pos_embed",
        "embeddings.register_tokens": "reg_token",
    }
    if name in fixed:
        return fixed[name]
    name = name.replace("embeddings.patch_embeddings.projection", "patch_embed.proj")
    name = re.sub(r"^layernorm\.", "norm.", name)
    name = re.sub(r"^encoder\.layer\.(\d+)\.", r"blocks.\1.", name)
    name = name.replace("attention.attention.", "attn.")
    for old, new in names.items():
        name = re.sub(rf"(?<=\.){old}(?=\.|$)", new, name)
    return name


def _dinov2(weights: Weights, network: EncoderNetwork) -> dict[str, Tensor]:
    """As `_hugging_face`, with places resampled to the grid; the class token's own is added to it where registers follow."""
    found = _hugging_face(weights, _HF_DINOV2)
    trunk = cast(Any, network.trunk)
    positions = found["trunk.pos_embed"].float()  # (1, 1 + n_patches, width)
    places = _resampled(positions[:, 1:], trunk.patch_embed.grid_size)
    if trunk.no_embed_class:
        found["trunk.cls_token"] = found["trunk.cls_token"].float() + positions[:, :1]
        found["trunk.pos_embed"] = places
    else:
        found["trunk.pos_embed"] = torch.cat([positions[:, :1], places], dim=1)
    return found


def _resampled(places: Tensor, grid: tuple[int, int]) -> Tensor:
    """Return the embeddings of the places of another grid, as transformers makes them: bicubic, not smoothed.

    Args:
        places: (1, n * n, width).
        grid: Rows and columns.
    """
    side = math.isqrt(places.shape[1])
    if (side, side) == tuple(grid):
        return places
    square = places.reshape(1, side, side, -1).permute(0, 3, 1, 2)  # (1, width, n, n)
    resized = torch.nn.functional.interpolate(square, size=tuple(grid), mode="bicubic", align_corners=False)
    return resized.flatten(2).transpose(1, 2)


def _swin(weights: Weights, network: EncoderNetwork) -> dict[str, Tensor]:
    """Stages of older timm end with the reduction that those of newer timm begin with."""

    def moved(name: str) -> str:
        return re.sub(r"^layers\.(\d+)\.downsample", lambda match: f"layers.{int(match[1]) + 1}.downsample", name)

    is_old = "layers.0.downsample.reduction.weight" in weights
    kept = {name: value for name, value in weights.items() if not _SWIN_UNUSED.match(name)}
    return {f"trunk.{moved(name) if is_old else name}": value for name, value in kept.items()}


def _conch(weights: Weights, network: EncoderNetwork) -> dict[str, Tensor]:
    """Take the trunk and the pooling for contrast; the text and the captions of CONCH are left."""
    prefix = "visual." if any(name.startswith("visual.") for name in weights) else ""
    found: dict[str, Tensor] = {}
    for full, value in weights.items():
        name = full.removeprefix(prefix)
        if full.startswith(f"{prefix}trunk."):
            found[name] = value
        elif full.startswith((f"{prefix}attn_pool_contrast.", f"{prefix}ln_contrast.")):
            found[f"pooling.{name}"] = value
    return found
