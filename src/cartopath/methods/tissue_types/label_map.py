"""Where an annotator saw which type of tissue on a slide: a coarse raster of types over the whole slide."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cartopath.core.geometry import SizePx0
from cartopath.slides import TissueMask


@dataclass(frozen=True, eq=False)
class LabelMap:
    """The types of a slide's regions.

    Attributes:
        labels: uint8 (rows, cols) stretched over the whole slide: 0 where nobody said anything, k for the k-th of `types`.
        types: Names of the types.
        dimensions_px0: Size of the slide in level-0 pixels.
        notes: What was left out of the annotation, in words.
        names: What the annotation calls them.
    """

    labels: NDArray[np.uint8]
    types: tuple[str, ...]
    dimensions_px0: SizePx0
    notes: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()

    def shares(self, xy_px0: NDArray[np.integer], window_px0: int) -> NDArray[np.float64]:
        """Return how much of each tile is annotated as each type.

        Args:
            xy_px0: (n, 2) upper left corners in level-0 pixels.
            window_px0: Side of the tiles in level-0 pixels.

        Returns:
            (n, n_types) shares of the tile's area; their sum is what is annotated at all.
        """
        x, y = np.asarray(xy_px0).reshape(-1, 2).T
        masks = [TissueMask(self.labels == number + 1, self.dimensions_px0) for number in range(len(self.types))]
        return np.stack([mask.fraction(x, y, window_px0) for mask in masks], axis=1)

    def renumbered(self, types: tuple[str, ...]) -> LabelMap:
        """Return the same map with its types numbered as in `types`, which holds them all."""
        numbers = np.zeros(len(self.types) + 1, np.uint8)
        numbers[1:] = [types.index(name) + 1 for name in self.types]
        return replace(self, labels=numbers[self.labels], types=types)
