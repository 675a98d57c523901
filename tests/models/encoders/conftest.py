"""Small networks in the layouts of published ones, with weights that anyone can make again from their names."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch

WIDTH, DEPTH, HEADS = 48, 3, 3


def weights_for(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
    """Return numbers for named arrays: normal ones from a seed that follows from the name, variances positive."""
    found = {}
    for name, shape in shapes.items():
        values = np.random.default_rng(zlib.crc32(name.encode())).normal(scale=0.3, size=shape).astype(np.float32)
        found[name] = torch.from_numpy(np.abs(values) + 0.5 if name.endswith("running_var") else values)
    return found


def _block(attention: str, parts: Mapping[str, tuple[int, int]], norms: tuple[str, str], bare: tuple[str, ...] = ()) -> dict:
    shapes: dict[str, tuple[int, ...]] = {}
    for part in ("query", "key", "value"):
        parts = {**parts, f"{attention}.{part}": (WIDTH, WIDTH)}
    for name, (n_out, n_in) in parts.items():
        shapes |= {f"{name}.weight": (n_out, n_in), f"{name}.bias": (n_out,)}
    for name in norms:
        shapes |= {f"{name}.weight": (WIDTH,), f"{name}.bias": (WIDTH,)}
    return shapes | dict.fromkeys(bare, (WIDTH,))


def _around(block: Mapping[str, tuple[int, ...]], *, patch: int, n_patches: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.cls_token": (1, 1, WIDTH),
        "embeddings.position_embeddings": (1, n_patches + 1, WIDTH),
        "embeddings.patch_embeddings.projection.weight": (WIDTH, 3, patch, patch),
        "embeddings.patch_embeddings.projection.bias": (WIDTH,),
        "layernorm.weight": (WIDTH,),
        "layernorm.bias": (WIDTH,),
    }
    for number in range(DEPTH):
        shapes |= {f"encoder.layer.{number}.{name}": shape for name, shape in block.items()}
    return shapes


@pytest.fixture
def hf_vit() -> dict[str, torch.Tensor]:
    """Weights as transformers names those of a ViT: 3 layers of width 48, 56 px tiles in patches of 8."""
    parts = {"attention.output.dense": (WIDTH, WIDTH), "intermediate.dense": (192, WIDTH), "output.dense": (WIDTH, 192)}
    block = _block("attention.attention", parts, ("layernorm_before", "layernorm_after"))
    return weights_for(_around(block, patch=8, n_patches=49))


@pytest.fixture
def hf_dinov2() -> Callable[..., dict[str, torch.Tensor]]:
    """Weights as transformers names those of a DINOv2: `hf_dinov2(patch=14, n_patches=49, hidden=128, registers=4)`."""

    def make(*, patch: int, n_patches: int, hidden: int = 0, registers: int = 0) -> dict[str, torch.Tensor]:
        mlp = {"mlp.fc1": (192, WIDTH), "mlp.fc2": (WIDTH, 192)}
        if hidden:
            mlp = {"mlp.weights_in": (2 * hidden, WIDTH), "mlp.weights_out": (WIDTH, hidden)}
        scales = ("layer_scale1.lambda1", "layer_scale2.lambda1")
        block = _block("attention.attention", {"attention.output.dense": (WIDTH, WIDTH), **mlp}, ("norm1", "norm2"), scales)
        shapes = _around(block, patch=patch, n_patches=n_patches) | {"embeddings.mask_token": (1, WIDTH)}
        if registers:
            shapes["embeddings.register_tokens"] = (1, registers, WIDTH)
        return weights_for(shapes)

    return make


@pytest.fixture
def tiles() -> torch.Tensor:
    """Two tiles of 56 pixels, (2, 3, 56, 56) uint8."""
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 3, 56, 56), dtype=np.uint8))


@pytest.fixture
def made_weights() -> Callable[[Mapping[str, tuple[int, ...]]], dict[str, torch.Tensor]]:
    """`weights_for`."""
    return weights_for
