"""The heterogeneity map: which combination of traits each tile has (Levy-Jurgenson et al. 2020, figure 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cartopath.core.errors import ArtifactError
from cartopath.maps.palette import combination_colours, legend_names
from cartopath.stats import combination_codes

NO_TISSUE = -1


@dataclass(frozen=True, eq=False)
class HeterogeneityMap:
    """The combination of traits at every place of a slide.

    Attributes:
        index: (rows, cols) int64: -1 without tissue, 0 for no trait, otherwise the sum of 2**i over the positive traits i.
        traits: Names of the traits, in the order of their bits.
        names: What the legend calls each code.
        colours: (2**n_traits, 3) uint8, the colour of each code; the same on every slide.
    """

    index: NDArray[np.int64]
    traits: tuple[str, ...]
    names: tuple[str, ...]
    colours: NDArray[np.uint8]

    def counts(self) -> NDArray[np.int64]:
        """Return the number of tiles of each code, (2**n_traits,)."""
        return np.bincount(self.index[self.index >= 0], minlength=len(self.names)).astype(np.int64)

    def present(self) -> tuple[int, ...]:
        """Return the codes of the trait combinations that occur, most frequent first; code 0 is not one of them."""
        counts = self.counts()
        return tuple(sorted((int(code) for code in np.flatnonzero(counts) if code), key=lambda code: (-int(counts[code]), code)))

    def rgba(self) -> NDArray[np.uint8]:
        """Return the map as a picture, (rows, cols, 4) uint8; transparent without tissue."""
        opaque = np.where(self.index == NO_TISSUE, 0, 255).astype(np.uint8)
        colours = np.where(opaque[..., None] > 0, self.colours[np.maximum(self.index, 0)], 255).astype(np.uint8)
        return np.concatenate([colours, opaque[..., None]], axis=-1)


def heterogeneity_map(tensor: ArrayLike, *, traits: Sequence[str], tissue: ArrayLike | None = None) -> HeterogeneityMap:
    """Return the heterogeneity map of a binary cartography.

    Args:
        tensor: (rows, cols, n_traits) booleans, or 0 and 1 with NaN without tissue.
        traits: Names of the traits, in the order of the layers.
        tissue: (rows, cols) booleans, true where there is tissue; None: wherever `tensor` is not NaN.

    Raises:
        ArtifactError: A shape or the number of names does not fit.
        StatisticsError: A value is neither 0 nor 1.

    >>> found = heterogeneity_map([[[0, 1], [1, 1], [np.nan, np.nan]]], traits=["MKI67", "ESR1"])
    >>> found.index.tolist(), [found.names[code] for code in (2, 3)]
    ([[2, 3, -1]], ['ESR1 only', 'Both'])
    """
    array = np.asarray(tensor)
    if array.ndim != 3 or array.shape[2] != len(traits):
        raise ArtifactError(
            f"heterogeneity_map: expected shape (rows, cols, {len(traits)}) for {', '.join(traits)}, found {array.shape}"
        )
    index = combination_codes(array)
    if tissue is not None:
        covered = np.asarray(tissue).astype(bool)
        if covered.shape != index.shape:
            raise ArtifactError(f"heterogeneity_map: the tissue has shape {covered.shape}, the map {index.shape}")
        index = np.where(covered, index, NO_TISSUE)
    return HeterogeneityMap(index, tuple(traits), legend_names(traits), combination_colours(traits))
