"""The small picture of a whole slide that maps are drawn beside."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import ArtifactError


@dataclass(frozen=True, eq=False)
class Thumbnail:
    """A picture of a whole slide with its physical size.

    Attributes:
        image: (h, w, 3) uint8 RGB of the whole slide, its upper left corner that of the tile grid.
        width_um: Width of the slide in micrometres; pixels are square.
    """

    image: NDArray[np.uint8]
    width_um: float

    def __post_init__(self) -> None:
        """Check the shape and the size."""
        image: Any = self.image
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
            raise ArtifactError(f"thumbnail: expected (h, w, 3) uint8, found {image.shape} {image.dtype}")
        if not self.width_um > 0:
            raise ArtifactError(f"thumbnail: a slide {self.width_um} um wide is impossible")

    @property
    def height_um(self) -> float:
        """Height of the slide in micrometres."""
        height, width = self.image.shape[:2]
        return float(self.width_um * height / width)

    def faded(self) -> NDArray[np.uint8]:
        """Return the picture in light grey, (h, w, 3) uint8, as a ground on which colours can be told apart."""
        luminance = self.image @ np.asarray([0.299, 0.587, 0.114])  # (h, w)
        return np.repeat(np.floor(255 - 0.55 * (255 - luminance) + 0.5).astype(np.uint8)[..., None], 3, axis=2)

    def to_png(self) -> bytes:
        """Return the picture as PNG; equal pictures give equal bytes."""
        from PIL import Image

        buffer = io.BytesIO()
        Image.fromarray(self.image).save(buffer, format="PNG")
        return buffer.getvalue()
