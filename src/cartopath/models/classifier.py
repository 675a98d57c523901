"""The tile classifier: 8-bit tiles in, one logit per tile out (Levy-Jurgenson et al. 2020, Methods)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cartopath.core.errors import ArtifactError
from cartopath.core.rng import seed_for
from cartopath.models.backbones import IMAGENET_MEAN, IMAGENET_STD, create_backbone, seeded
from cartopath.models.spec import NetworkSpec


class TileClassifier(nn.Module):
    """A timm backbone behind the scaling of its input.

    Args:
        backbone: Maps (n, 3, size, size) in 0..1 to (n, 1).
        input_range: See `NetworkSpec`.
    """

    def __init__(self, backbone: nn.Module, *, input_range: str) -> None:
        super().__init__()
        self.backbone = backbone
        standardize = input_range == "imagenet"
        mean = torch.tensor(IMAGENET_MEAN if standardize else (0.0, 0.0, 0.0)).view(1, 3, 1, 1)
        std = torch.tensor(IMAGENET_STD if standardize else (1.0, 1.0, 1.0)).view(1, 3, 1, 1)
        # Not persistent: they follow from the spec and are no weights.
        self.register_buffer("scale", 1.0 / std, persistent=False)
        self.register_buffer("shift", -mean / std, persistent=False)

    def forward(self, tiles: Tensor) -> Tensor:
        """Return the logit that a tile is positive.

        Args:
            tiles: (n, 3, h, w), RGB; uint8 in 0..255, or floating point in 0..1.

        Returns:
            Logits (n,), float32.
        """
        scale, shift = cast(Tensor, self.scale), cast(Tensor, self.shift)
        if tiles.dtype == torch.uint8:
            scale = scale / 255.0
        x = torch.addcmul(shift, tiles.to(scale.dtype), scale)  # (n, 3, h, w), keeps the memory format of the tiles
        logits: Tensor = self.backbone(x)  # (n, 1)
        return logits.flatten().float()  # (n,)


def build_network(spec: NetworkSpec, *, seed: int = 0) -> TileClassifier:
    """Build the network that `spec` describes, in training mode.

    The output layer starts at zero, so that every tile starts at probability 0.5 and the loss at ln 2 whatever the backbone:
    the default of timm gives an Inception v3 with global max pooling initial losses around 5. The random weights come from
    `seed` alone; the global generator of torch is left as it was. On a CPU, use the network within `flushed_denormals`.

    Args:
        spec: What to build. A name or pooling that timm does not offer is refused.
        seed: Of the random weights.

    Returns:
        A module mapping (n, 3, h, w) tiles, uint8 or 0..1, to (n,) logits.

    Raises:
        ConfigError: timm has no such backbone, or cannot pool it as asked.
    """
    with seeded(seed_for(seed, "weights", spec.backbone)):
        backbone = create_backbone(spec.backbone, size_px=spec.size_px, pretrained=spec.pretrained, n_outputs=1, pool=spec.pool)
    _zero_output(backbone)
    return TileClassifier(backbone, input_range=spec.input_range)


def _zero_output(backbone: nn.Module) -> None:
    classifier = cast(Any, backbone).get_classifier()
    if not isinstance(classifier, (nn.Linear, nn.Conv2d)):
        return
    nn.init.zeros_(classifier.weight)
    if classifier.bias is not None:
        nn.init.zeros_(classifier.bias)


def weights_of(network: nn.Module) -> dict[str, NDArray[Any]]:
    """Return the weights and running statistics of a network by name, on the CPU, as copies."""
    return {name: value.detach().cpu().numpy().copy() for name, value in network.state_dict().items()}


def load_weights(network: nn.Module, weights: Mapping[str, NDArray[Any] | Tensor], *, source: str) -> None:
    """Put weights into a network they were made for.

    Args:
        network: Changed in place.
        weights: By name, as of `weights_of`.
        source: Where they came from, for messages.

    Raises:
        ArtifactError: Names or shapes differ from the network's.
    """
    wanted = network.state_dict()
    for what, names in (("misses", wanted.keys() - weights.keys()), ("has unknown", weights.keys() - wanted.keys())):
        if names:
            some = ", ".join(sorted(names)[:3])
            raise ArtifactError(f"{source}: {what} {len(names)} of the network's {len(wanted)} arrays ({some}); not made for it")
    loaded = {}
    for name, value in wanted.items():
        array = torch.from_numpy(np.array(weights[name]))
        if array.shape != value.shape and not (array.numel() == value.numel() == 1):
            raise ArtifactError(f"{source}: {name} has shape {tuple(array.shape)}, the network needs {tuple(value.shape)}")
        loaded[name] = array.reshape(value.shape)
    network.load_state_dict(loaded)


def n_parameters(network: nn.Module) -> int:
    """Return the number of trainable numbers in a network."""
    return sum(parameter.numel() for parameter in network.parameters())
