"""The fingerprint network: 8-bit tiles in, a fingerprint and a logit per piece of tissue out (Rawat et al. 2020, Methods)."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from cartopath.core.errors import ConfigError
from cartopath.core.rng import seed_for
from cartopath.models.backbones import IMAGENET_MEAN, IMAGENET_STD, buildable, create_backbone, seeded
from cartopath.models.fingerprint.spec import FingerprintSpec

LUMINANCE = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in the brightness of a pixel (ITU-R BT.601)."""


class FingerprintNetwork(nn.Module):
    """A backbone, the fingerprint it gives, and a linear classifier that tells the pieces it was trained on apart.

    Args:
        backbone: Maps (n, 3, h, w) to (n, n_backbone).
        n_backbone: What it gives.
        spec: What the network is.
        n_pieces: How many pieces of tissue the classifier knows.
    """

    def __init__(self, backbone: nn.Module, n_backbone: int, spec: FingerprintSpec, *, n_pieces: int) -> None:
        super().__init__()
        self.backbone = backbone
        is_wide_enough = n_backbone == spec.n_features
        self.projection: nn.Module = nn.Identity() if is_wide_enough else nn.Linear(n_backbone, spec.n_features)
        self.norm: nn.Module = nn.BatchNorm1d(spec.n_features, affine=False) if spec.batch_norm else nn.Identity()
        self.classifier = nn.Linear(spec.n_features, n_pieces)
        self.n_features, self.n_pieces = spec.n_features, n_pieces
        matrix = torch.tensor([LUMINANCE] * 3) if spec.colour == "grey" else torch.eye(3)
        standardize = spec.input_range == "imagenet"
        mean = torch.tensor(IMAGENET_MEAN if standardize else (0.0, 0.0, 0.0))
        std = torch.tensor(IMAGENET_STD if standardize else (1.0, 1.0, 1.0))
        # Not persistent: they follow from the spec and are no weights.
        self.register_buffer("_matrix", (matrix / std[:, None]).reshape(3, 3, 1, 1), persistent=False)
        self.register_buffer("_shift", -mean / std, persistent=False)

    def fingerprint(self, tiles: Tensor) -> Tensor:
        """Return the fingerprint of each tile.

        Args:
            tiles: (n, 3, h, w), RGB; uint8 in 0..255, or floating point in 0..1.

        Returns:
            (n, n_features), not scaled to length 1.
        """
        matrix, shift = cast(Tensor, self._matrix), cast(Tensor, self._shift)
        if tiles.dtype == torch.uint8:
            matrix = matrix / 255.0
        x = nn.functional.conv2d(tiles.to(matrix.dtype), matrix, shift)  # (n, 3, h, w)
        fingerprint: Tensor = self.projection(self.backbone(x))  # (n, n_backbone) -> (n, n_features)
        return fingerprint

    def identify(self, fingerprints: Tensor) -> Tensor:
        """Return the logits of the pieces from fingerprints, (n, n_features) -> (n, n_pieces), float32."""
        logits: Tensor = self.classifier(self.norm(fingerprints))
        return logits.float()

    def learn(self, tiles: Tensor) -> tuple[Tensor, Tensor]:
        """Return what `forward` does, but fingerprints as the classifier sees them: what the distance of styles is measured on.

        With batch normalisation, the part that all tiles have in common would make every two fingerprints nearly parallel, and
        their distance nothing beside the loss of the identities.
        """
        seen: Tensor = self.norm(self.fingerprint(tiles))
        return seen.float(), self.classifier(seen).float()

    def forward(self, tiles: Tensor) -> tuple[Tensor, Tensor]:
        """Return the fingerprints (n, n_features), float32, and the logits of the pieces (n, n_pieces), float32."""
        fingerprints = self.fingerprint(tiles)
        return fingerprints.float(), self.identify(fingerprints)


def build_fingerprint_network(spec: FingerprintSpec, *, n_pieces: int, seed: int = 0) -> FingerprintNetwork:
    """Build the network that `spec` describes, in training mode.

    The random weights come from `seed` alone; the global generator of torch is left as it was. On a CPU, use the network within
    `cartopath.models.flushed_denormals`.

    Args:
        spec: What to build.
        n_pieces: Pieces of tissue to tell apart.
        seed: Of the random weights.

    Raises:
        ConfigError: timm has no such backbone or cannot build it for these tiles, or there are fewer than two pieces.
    """
    if n_pieces < 2:
        raise ConfigError(f"a fingerprint network tells at least 2 pieces of tissue apart. Got 'n_pieces' {n_pieces} instead.")
    with seeded(seed_for(seed, "fingerprint weights", spec.backbone)):
        backbone = create_backbone(spec.backbone, size_px=spec.size_px, pretrained=spec.pretrained, n_outputs=0, pool="avg")
        with buildable(f"{spec.backbone!r} for {spec.size_px} px tiles"):
            n_backbone = _n_outputs(backbone, spec.size_px)
        return FingerprintNetwork(backbone, n_backbone, spec, n_pieces=n_pieces)


def _n_outputs(backbone: nn.Module, size_px: int) -> int:
    """How many features a backbone gives for tiles of this size: what timm calls `num_features` is not always it."""
    backbone.eval()
    with torch.no_grad():
        shape = backbone(torch.zeros(1, 3, size_px, size_px)).shape
    backbone.train()
    if len(shape) != 2:
        raise ValueError(f"it gives an array of shape {tuple(shape)} instead of one vector per tile")
    return int(shape[1])
