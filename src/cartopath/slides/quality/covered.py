"""Tissue together with what lies under pen: tissue masks may leave pen out, and take pen on glass for tissue."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_AROUND_UM = 1500.0
_STEP_UM = 32.0
_HALF = 0.5


def tissue_under_pen(tissue: NDArray[np.bool_], pen: NDArray[np.bool_], mpp: float) -> NDArray[np.bool_]:
    """Return the tissue without pen on glass and with what pen hides.

    Pen lies on tissue where at least half of what is not pen around it is tissue.

    Args:
        tissue: bool (h, w).
        pen: bool (h, w).
        mpp: Micrometres per pixel.

    Returns:
        bool (h, w).
    """
    if not pen.any():
        return tissue
    step = max(1, int(_STEP_UM / mpp))
    bare = ~pen[::step, ::step]
    side = max(3, round(_AROUND_UM / mpp / step))
    around = ndimage.uniform_filter((tissue[::step, ::step] & bare).astype(np.float32), side)
    free = ndimage.uniform_filter(bare.astype(np.float32), side)
    is_tissue = (around >= _HALF * free) & (free > 1.0 / side**2)
    full = is_tissue.repeat(step, axis=0).repeat(step, axis=1)[: tissue.shape[0], : tissue.shape[1]]
    return np.asarray(np.where(pen, full, tissue))
