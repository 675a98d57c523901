"""Memory for what is computed on the way: asked for in every step, given back by nobody, and so never new."""

from __future__ import annotations

import math

import torch
from torch import Tensor


class Scratch:
    """Arrays by name, each as large as the largest that was asked for under its name.

    New memory comes from the system page by page, which for an array of a few megabytes takes longer than filling it.
    """

    def __init__(self) -> None:
        self._held: dict[str, Tensor] = {}

    def array(self, name: str, *shape: int, like: Tensor) -> Tensor:
        """Return an array of any content; what was asked for under this name before is overwritten.

        Args:
            name: Of the purpose.
            shape: Of the array.
            like: Whose type and device it has.
        """
        size = math.prod(shape)
        held = self._held.get(name)
        if held is None or len(held) < size:
            self._held[name] = held = torch.empty(size, dtype=like.dtype, device=like.device)
        return held[:size].view(shape)
