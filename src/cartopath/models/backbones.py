"""Backbones of timm: found by name, built for tiles of one size, with random weights from a seed."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import Any

import torch
from torch import nn

from cartopath.core.errors import ConfigError, closest
from cartopath.models.torchvision_ops import timm_ready

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def create_backbone(name: str, *, size_px: int, pretrained: bool, n_outputs: int, pool: str) -> nn.Module:
    """Return a backbone with global pooling, in training mode.

    Args:
        name: Of a timm model.
        size_px: Side of the tiles in pixels.
        pretrained: Whether it starts from timm's published weights, which are downloaded.
        n_outputs: Of its last layer; 0 for none, which gives features.
        pool: Global pooling before it, by timm's name.

    Raises:
        ConfigError: timm has no such backbone, or cannot build it for these tiles or pool it as asked.
    """
    timm_ready()
    import timm

    if not timm.is_model(name):
        similar = closest(name, timm.list_models())
        raise ConfigError(f"timm {timm.__version__} has no backbone {name!r} (closest: {', '.join(similar) or 'none'})")
    options: dict[str, Any] = {"num_classes": n_outputs, "global_pool": pool}
    pretrained_cfg = timm.get_pretrained_cfg(name)
    if pretrained_cfg is not None and pretrained_cfg.fixed_input_size:
        options["img_size"] = size_px
    with buildable(f"{name!r} for {size_px} px tiles with {pool!r} pooling"):
        backbone: nn.Module = timm.create_model(name, pretrained=pretrained, **options)
    return backbone


@contextlib.contextmanager
def buildable(what: str) -> Generator[None, None, None]:
    """Say of a network that timm cannot build it, and why."""
    try:
        yield
    except (AssertionError, TypeError, ValueError, RuntimeError) as error:
        reason = f"{type(error).__name__}: {error}".rstrip(": ").splitlines()[0]
        raise ConfigError(f"timm cannot build {what} ({reason}); choose another backbone, size or pool") from error


@contextlib.contextmanager
def seeded(seed: int) -> Generator[None, None, None]:
    """Let random weights made in the block come from `seed` alone; the global generator of torch is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
