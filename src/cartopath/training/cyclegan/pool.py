"""Generated pictures kept for a while, so that discriminators also see older ones (Shrivastava et al. 2017, CVPR)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


class ImagePool:
    """Up to `size` pictures.

    Args:
        size: 0 keeps none and gives everything back as it came.

    Attributes:
        pictures: Those kept, each (3, h, w).
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.pictures: list[Tensor] = []

    def exchange(self, pictures: Tensor, rng: np.random.Generator) -> Tensor:
        """Return as many pictures as came: until the pool is full these, then each with even odds itself or one that was kept.

        Args:
            pictures: (n, 3, h, w), without gradients. Those that are not returned are kept in the place of those that are.
            rng: Decides.
        """
        if not self.size:
            return pictures
        given = []
        for picture in pictures:
            swap, which = rng.random(), int(rng.integers(self.size))
            if len(self.pictures) < self.size:
                self.pictures.append(picture.clone())
            elif swap < 0.5:
                picture, self.pictures[which] = self.pictures[which], picture.clone()
            given.append(picture)
        return torch.stack(given)
