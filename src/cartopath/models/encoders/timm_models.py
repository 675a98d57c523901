"""Models of timm as encoders: with timm's published weights, or with random ones from a seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from cartopath.core.errors import ArtifactError, ConfigError, closest
from cartopath.core.rng import seed_for
from cartopath.models.backbones import IMAGENET_MEAN, IMAGENET_STD, buildable, seeded
from cartopath.models.encoders.card import EncoderCard
from cartopath.models.encoders.network import EncoderNetwork
from cartopath.models.torchvision_ops import timm_ready

_UNKNOWN = "see its page"


def timm_card(name: str, *, size_px: int = 224, mpp: float = 0.5) -> EncoderCard:
    """Return what timm says of one of its models; how many features it gives shows when it is built.

    Args:
        name: Of the model, with a tag where its weights are to be others than timm's first choice.
        size_px: Side of its tiles in pixels.
        mpp: Their micrometres per pixel.

    Raises:
        ConfigError: timm has no such model.
    """
    timm_ready()
    import timm

    architecture = name.partition(".")[0]
    cfg = timm.get_pretrained_cfg(name, allow_unregistered=False) if timm.is_model(architecture) else None
    if cfg is None:
        similar = closest(name, timm.list_models())
        raise ConfigError(f"timm {timm.__version__} has no model {name!r} (closest: {', '.join(similar) or 'none'})")
    hub = str(cfg.hf_hub_id or "")
    return EncoderCard(
        name=f"timm/{name}",
        title=name,
        repository=hub if "/" in hub.rstrip("/") else "",
        architecture=name,
        layout="timm",
        size_px=size_px,
        mpp=mpp,
        mean=cfg.mean or IMAGENET_MEAN,
        std=cfg.std or IMAGENET_STD,
        n_features=1,
        output="pooled",
        licence=str(cfg.license or _UNKNOWN),
        gated=False,
        reference=f"timm {timm.__version__}",
    )


def build_timm(
    card: EncoderCard, weights: Mapping[str, Tensor] | None = None, *, source: str = "", seed: int = 0
) -> EncoderNetwork:
    """Build a model of timm, in evaluation mode.

    Args:
        card: Of the model, with `timm` for its layout.
        weights: Published ones, classifier included, by timm's names; None for random ones.
        source: Where they came from, for messages.
        seed: Of random weights; the global generator of torch is left as it was.

    Raises:
        ConfigError: timm cannot build it for these tiles, or it gives no vector per tile.
        ArtifactError: The weights are of another model.
    """
    timm_ready()
    what = f"{card.name} for {card.size_px} px tiles"
    with seeded(seed_for(seed, "encoder weights", card.architecture)):
        trunk = _random(card, what) if weights is None else _published(card, weights, what, source)
        with buildable(what):
            width = _n_features(trunk, card.size_px)
    return EncoderNetwork(trunk, output=card.output, mean=card.mean, std=card.std, n_features=width).eval()


def _size(card: EncoderCard) -> dict[str, int]:
    """Return what a model of fixed input size must be told."""
    import timm

    cfg = timm.get_pretrained_cfg(card.architecture)
    return {"img_size": card.size_px} if cfg is not None and cfg.fixed_input_size else {}


def _random(card: EncoderCard, what: str) -> nn.Module:
    import timm

    with buildable(what):
        trunk: nn.Module = timm.create_model(card.architecture, pretrained=False, num_classes=0, **_size(card))
    return trunk


def _published(card: EncoderCard, weights: Mapping[str, Tensor], what: str, source: str) -> nn.Module:
    """Return a model with all its weights, whose classifier is taken off afterwards."""
    import timm

    overlay, misfit = {"state_dict": dict(weights)}, ""
    with buildable(what):
        try:
            trunk: nn.Module = timm.create_model(
                card.architecture, pretrained=True, pretrained_cfg_overlay=overlay, **_size(card)
            )
        except (RuntimeError, KeyError) as error:  # What is raised where names or shapes differ.
            misfit = " ".join(str(error).split())[:200]
    if misfit:
        raise ArtifactError(f"{source}: no weights of {card.architecture} ({misfit})")
    cast(Any, trunk).reset_classifier(0)
    return trunk


def _n_features(trunk: nn.Module, size_px: int) -> int:
    trunk.eval()
    with torch.no_grad():
        shape = trunk(torch.zeros(1, 3, size_px, size_px)).shape
    if len(shape) != 2:
        raise ValueError(f"it gives an array of shape {tuple(shape)} instead of one vector per tile")
    return int(shape[1])
