"""What fingerprints are trained to minimise: telling pieces apart, the same in both styles (Rawat et al. 2020, Methods)."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

GAMMA = 0.5
"""Weight of the distance between styles in Rawat et al. 2020."""


def style_distance(first: Tensor, second: Tensor) -> Tensor:
    """Return || F1/|F1| - F2/|F2| ||^2 of each pair of fingerprints, summed over the features [A21] (F44).

    The length of a fingerprint does not matter. 0 where both point the same way, 2 at right angles, 4 where they are opposite.

    Args:
        first: (n, n_features) fingerprints of tiles in one style.
        second: (n, n_features) of the same tiles in another.

    Returns:
        (n,) in 0..4.
    """
    difference = normalize(first.float(), dim=-1) - normalize(second.float(), dim=-1)  # (n, n_features)
    return difference.square().sum(dim=-1)


def fingerprint_loss(
    first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor] | None, piece: Tensor, *, gamma: float = GAMMA
) -> Tensor:
    """Return CE(img1) + CE(img2) + gamma * style_distance, each averaged over the tiles; without a second style, CE(img1).

    Args:
        first: Fingerprints (n, n_features) and logits (n, n_pieces) of tiles in one style.
        second: Of the same tiles in another style, or None.
        piece: (n,) int64, which piece each tile shows.
        gamma: Weight of the distance.

    Returns:
        A scalar.
    """
    loss = cross_entropy(first[1], piece)
    if second is None:
        return loss
    return loss + cross_entropy(second[1], piece) + gamma * style_distance(first[0], second[0]).mean()
