"""Which kind of tissue lies where on a simulated slide, as a mask: the truth for models of tissue types."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cartopath.simulate.specimen import Specimen

TISSUE_KINDS = ("background", "epithelium", "stroma", "fat")
"""What the values 1, 2, 3 and 4 of a mask mean."""


def tissue_kinds(specimen: Specimen, *, pitch_um: float = 4.0) -> NDArray[np.uint8]:
    """Return the kind of tissue of a whole slide on a raster, 1 to 4 as `TISSUE_KINDS` counts, uint8 (rows, cols).

    Args:
        specimen: The slide.
        pitch_um: About how wide a pixel of the mask is; a whole number of them covers the slide.
    """
    size = specimen.size_px0.to_um(specimen.mpp)
    n_cols, n_rows = (max(1, round(side / pitch_um)) for side in (size.width, size.height))
    x = (np.arange(n_cols) + 0.5) * (size.width / n_cols)
    y = (np.arange(n_rows) + 0.5) * (size.height / n_rows)
    tissue = specimen.tissue
    kinds = np.where(tissue.nest(x, y) > 0.5, 2, 3)
    kinds[tissue.fatty(x, y)] = 4
    kinds[tissue.depth_um(x, y) <= 0] = 1
    mask: NDArray[np.uint8] = kinds.astype(np.uint8)
    return mask
