"""The receptor head: from a fingerprint to a score of -1 (negative) to +1 (positive) (Rawat et al. 2020, Methods; F52)."""

from __future__ import annotations

from torch import Tensor, nn

from cartopath.core.rng import seed_for
from cartopath.models.backbones import seeded


class ReceptorHead(nn.Module):
    """Linear(512, 8), ReLU, Linear(8, 1), tanh: 4,113 parameters for fingerprints of length 512.

    A patient's score is the mean over the patient's tiles.

    Args:
        n_features: Length of the fingerprints.
        n_hidden: Units between the two layers.
        seed: Of the random weights; the global generator of torch is left as it was.
    """

    def __init__(self, n_features: int = 512, *, n_hidden: int = 8, seed: int = 0) -> None:
        super().__init__()
        self.n_features = n_features
        with seeded(seed_for(seed, "receptor head", n_features, n_hidden)):
            self.layers = nn.Sequential(nn.Linear(n_features, n_hidden), nn.ReLU(), nn.Linear(n_hidden, 1), nn.Tanh())

    def forward(self, fingerprints: Tensor) -> Tensor:
        """Return the score of each tile, (..., n_features) -> (...), float32 in -1..1."""
        scores: Tensor = self.layers(fingerprints)
        return scores.squeeze(-1).float()
