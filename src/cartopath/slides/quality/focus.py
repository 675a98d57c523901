"""Whether a tile is in focus: how much of its contrast is fine.

Energy of the optical density in a band of fine structures, as a share of that in a band of coarser ones. A stronger stain scales
both alike, so the ratio does not change; defocus takes the fine band first. The bands are physical, so the same tissue at another
resolution gives about the same number as long as the finest band is there at all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

FINE_UM = 1.0
"""Standard deviation of the finer Gaussian of the fine band; the coarser one is twice that."""
_MIN_FINE_PX = 0.7
_COARSE_TIMES = 4.0
BLOCK_UM = 64.0
_MIN_CONTRAST = 3e-5
_MIN_BLOCK_TISSUE = 0.25


def block_sharpness(density: NDArray[np.float32], tissue: NDArray[np.bool_], mpp: float) -> NDArray[np.float64]:
    """Return the sharpness of square blocks of a tile.

    Args:
        density: float32 (h, w), optical density.
        tissue: bool (h, w).
        mpp: Micrometres per pixel.

    Returns:
        float64 (n,): base-10 logarithm of fine over coarse energy, one per block of about `BLOCK_UM` with enough tissue and
        enough contrast to tell; empty if there is none.
    """
    fine = max(FINE_UM / mpp, _MIN_FINE_PX)
    smooth = [ndimage.gaussian_filter(density, fine * times, mode="nearest") for times in (1.0, 2.0, _COARSE_TIMES, 8.0)]
    bands = ((smooth[0] - smooth[1]) ** 2, (smooth[2] - smooth[3]) ** 2)
    n = max(1, round(min(density.shape) * mpp / BLOCK_UM))
    share, fine_energy, coarse_energy = (_block_means(plane, n) for plane in (tissue.astype(np.float32), *bands))
    is_judged = (share >= _MIN_BLOCK_TISSUE) & (coarse_energy > _MIN_CONTRAST)
    return np.asarray(np.log10(np.maximum(fine_energy[is_judged], 1e-12) / coarse_energy[is_judged]))


def _block_means(plane: NDArray[np.float32], n: int) -> NDArray[np.float64]:
    """Return the means of n x n blocks, flat."""
    rows = np.linspace(0, plane.shape[0], n + 1).astype(np.intp)[:-1]
    cols = np.linspace(0, plane.shape[1], n + 1).astype(np.intp)[:-1]
    sums = np.add.reduceat(np.add.reduceat(plane, rows, axis=0, dtype=np.float64), cols, axis=1)
    counts = np.outer(np.diff([*rows, plane.shape[0]]), np.diff([*cols, plane.shape[1]]))
    return np.asarray((sums / counts).ravel())
