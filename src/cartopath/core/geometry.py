"""Points and sizes that carry their unit.

Two planes exist. *Level-0 pixels* (suffix `_px0`, classes `...Px0`) are the finest pixels of a slide, the plane in which every
coordinate that cartopath stores is given, x to the right and y down from the upper left corner. *Micrometres* (suffix `_um`,
classes `...Um`) are physical. `mpp`, micrometres per level-0 pixel, leads from one to the other. Arrays are (row, column).
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SizeUm:
    """A width and height in micrometres."""

    width: float
    height: float


@dataclass(frozen=True, slots=True)
class SizePx0:
    """A width and height in level-0 pixels."""

    width: int
    height: int

    def to_um(self, mpp: float) -> SizeUm:
        """Return the physical size at `mpp` micrometres per level-0 pixel.

        >>> SizePx0(1024, 512).to_um(0.5)
        SizeUm(width=512.0, height=256.0)
        """
        return SizeUm(self.width * mpp, self.height * mpp)


@dataclass(frozen=True, slots=True)
class RegionPx0:
    """A rectangle in level-0 pixels: x and y of its upper left corner, width and height."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """The first column to the right of the rectangle."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """The first row below the rectangle."""
        return self.y + self.height

    def is_within(self, size: SizePx0) -> bool:
        """Whether the whole rectangle lies on an image of this size."""
        return self.x >= 0 and self.y >= 0 and self.right <= size.width and self.bottom <= size.height


def window_px0(size_px: int, mpp: float, slide_mpp: float) -> int:
    """Return the side, in level-0 pixels, of a tile of `size_px` pixels at `mpp` on a slide at `slide_mpp`.

    Rounded down to whole pixels, as in the code of Levy-Jurgenson et al. 2020, so that a tile is never more than one level-0
    pixel smaller than its nominal physical size.

    >>> window_px0(512, 0.5, 0.2525)
    1013
    >>> window_px0(512, 0.5, 0.5)
    512
    """
    return max(1, math.floor(size_px * mpp / slide_mpp + 1e-9))
