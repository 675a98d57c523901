"""An encoder as a network: 8-bit tiles in, features out."""

from __future__ import annotations

import contextlib
import functools
from typing import Any, cast

import torch
from torch import Tensor, nn

from cartopath.models.backbones import buildable
from cartopath.models.encoders.attentional_pooling import ConchPooling
from cartopath.models.encoders.card import EncoderCard, Output
from cartopath.models.encoders.conv_stem import ConvStem
from cartopath.models.torchvision_ops import timm_ready

_CONCH_HEADS = 8


class EncoderNetwork(nn.Module):
    """A trunk behind the scaling of its input, and what makes features of its tokens.

    Args:
        trunk: A timm model without classifier.
        output: Which features.
        mean: Of red, green and blue in 0..1.
        std: By which they are divided.
        n_features: How many there are.
        pooling: Makes features of tokens, (n, n_tokens, width) -> (n, n_features); None leaves that to the trunk.
    """

    def __init__(
        self,
        trunk: nn.Module,
        *,
        output: Output,
        mean: tuple[float, float, float],
        std: tuple[float, float, float],
        n_features: int,
        pooling: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.trunk, self.pooling = trunk, pooling
        self.output, self.n_features = output, n_features
        scale = 1.0 / torch.tensor(std).view(1, 3, 1, 1)
        # Not persistent: they follow from the card and are no weights.
        self.register_buffer("_scale", scale, persistent=False)
        self.register_buffer("_shift", -torch.tensor(mean).view(1, 3, 1, 1) * scale, persistent=False)

    def forward(self, tiles: Tensor) -> Tensor:
        """Return the features of tiles.

        Args:
            tiles: (n, 3, h, w), RGB; uint8 in 0..255, or floating point in 0..1.

        Returns:
            (n, n_features), float32.
        """
        scale, shift = cast(Tensor, self._scale), cast(Tensor, self._shift)
        if tiles.dtype == torch.uint8:
            scale = scale / 255.0
        x = torch.addcmul(shift, tiles.to(scale.dtype), scale)  # (n, 3, h, w)
        return self._features(x).float()

    def _features(self, x: Tensor) -> Tensor:
        trunk = cast(Any, self.trunk)
        if self.pooling is not None:
            pooled: Tensor = self.pooling(trunk.forward_features(x))
            return pooled
        if self.output == "pooled":
            features: Tensor = trunk(x)
            return features
        tokens: Tensor = trunk.forward_features(x)  # (n, n_prefix + n_patches, width)
        if self.output == "cls":
            return tokens[:, 0]
        return torch.cat([tokens[:, 0], tokens[:, trunk.num_prefix_tokens :].mean(dim=1)], dim=1)


def build_encoder(card: EncoderCard, *, initialise: bool = True) -> EncoderNetwork:
    """Build the network of an encoder that is not timm's own, with whatever weights; see `build_timm` for those that are.

    Args:
        card: What to build.
        initialise: Give it random weights, which takes some twenty seconds for a billion of them; without, every weight must be
            loaded before the network is used.

    Raises:
        ConfigError: timm cannot build it.
    """
    timm_ready()
    import timm

    is_empty = not initialise and card.layout != "ctranspath"  # A Swin transformer computes what is no weight when it is built.
    nowhere = torch.device("meta") if is_empty else contextlib.nullcontext()
    with buildable(f"{card.name} as {card.architecture!r}"), nowhere:
        trunk: nn.Module = timm.create_model(card.architecture, pretrained=False, num_classes=0, **_timm_options(card))
    if is_empty:
        trunk.to_empty(device="cpu")
    return EncoderNetwork(
        trunk, output=card.output, mean=card.mean, std=card.std, n_features=card.n_features, pooling=_pooling(card, trunk)
    )


def _timm_options(card: EncoderCard) -> dict[str, Any]:
    """Return the options of a card with what cannot be told as JSON put in its place."""
    options: dict[str, Any] = {name: value for name, value in card.options.items() if name not in ("swiglu", "norm_eps")}
    if card.options.get("swiglu"):
        from timm.layers import SwiGLUPacked

        options |= {"mlp_layer": SwiGLUPacked, "act_layer": nn.SiLU}
    if "norm_eps" in card.options:
        options["norm_layer"] = functools.partial(nn.LayerNorm, eps=card.options["norm_eps"])
    if card.layout == "ctranspath":
        options["embed_layer"] = ConvStem
    return options


def _pooling(card: EncoderCard, trunk: nn.Module) -> nn.Module | None:
    if card.layout not in ("conch", "conch-1.5"):
        return None
    is_fused = card.layout == "conch"
    return ConchPooling(int(cast(Any, trunk).num_features), card.n_features, n_heads=_CONCH_HEADS, is_fused=is_fused)
