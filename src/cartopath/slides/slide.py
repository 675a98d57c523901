"""An open slide: levels, resolution and pixels, whatever decoder reads the file."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import SlideError
from cartopath.core.geometry import SizePx0
from cartopath.core.locations import as_path
from cartopath.slides.backends.opening import open_backend
from cartopath.slides.backends.protocol import Backend, FrameSource
from cartopath.slides.declared.limits import check_levels
from cartopath.slides.rendition import Rendition, Scaling, choose_rendition, place, resample
from cartopath.slides.resolution import Resolution, resolve
from cartopath.slides.thumbnail import read_thumbnail

MAX_REGION_PX = 1 << 28


def open_slide(
    path: Path | str, *, mpp: float | None = None, assume_mpp: float | None = None, scaling: Scaling = "fast"
) -> Slide:
    """Open a slide for reading; use it in a `with` block.

    Args:
        path: The file, or the folder of a DICOM slide.
        mpp: Micrometres per level-0 pixel as stated by the user's slide table; wins over what the file says.
        assume_mpp: Used only if the file says nothing plausible.
        scaling: How pixels between the levels are made; see `cartopath.slides.rendition`.

    Raises:
        SlideError: It is missing, of an unknown format or damaged.
        ResolutionError: Nobody knows its micrometres per pixel, or the number is impossible.
    """
    backend = open_backend(as_path(path))
    try:
        check_levels(backend)
        return Slide(backend, resolve(backend.properties, path=backend.path, stated=mpp, assumed=assume_mpp), scaling)
    except SlideError:
        backend.close()
        raise


class Slide:
    """An open slide. Reading is safe from several threads; other processes open the file for themselves.

    Attributes:
        path: The file.
        resolution: Micrometres per level-0 pixel and where the number comes from.
        dimensions_px0: Width and height of level 0.
        level_dimensions: (width, height) of each level in its own pixels, level 0 first.
        level_downsamples: Level-0 pixels per pixel of each level.
        backend: Name of the decoder.
        backend_reason: Why it reads this slide.
        scaling: How pixels between the levels are made.
    """

    def __init__(self, backend: Backend, resolution: Resolution, scaling: Scaling = "fast") -> None:
        self._backend = backend
        self.path = backend.path
        self.resolution = resolution
        self.dimensions_px0 = SizePx0(*backend.level_dimensions[0])
        self.level_dimensions = backend.level_dimensions
        self.level_downsamples = backend.level_downsamples
        self.backend, self.backend_reason = backend.name, backend.reason
        self.scaling: Scaling = scaling
        frames, n_levels = backend.frames, len(backend.level_dimensions)
        self._shrinks = [(1,) if frames is None else frames.layout(level).shrinks for level in range(n_levels)]
        self._lost_px0: tuple[tuple[int, int, int, int], ...] = ()

    @property
    def mpp(self) -> float:
        """Micrometres per level-0 pixel."""
        return self.resolution.mpp

    def read_region(self, x_px0: int, y_px0: int, level: int, width: int, height: int) -> NDArray[np.uint8]:
        """Return pixels of one level.

        Args:
            x_px0: Level-0 column of the upper left corner; may lie outside the slide.
            y_px0: Level-0 row of the upper left corner.
            level: 0 is full resolution.
            width: Columns to read, in pixels of that level.
            height: Rows to read, in pixels of that level.

        Returns:
            uint8 (height, width, 3) RGB; white where there is no slide.

        Raises:
            TileError: Pixels of this region cannot be decoded; the rest of the slide can still be read.
            SlideError: There is no such level, or the size is impossible.
        """
        if not 0 <= level < len(self.level_dimensions):
            raise SlideError(f"{self.path}: no level {level}; it has levels 0 to {len(self.level_dimensions) - 1}")
        self._check_size(width, height)
        return self._backend.read_region(int(x_px0), int(y_px0), level, int(width), int(height))

    def _check_size(self, width: int, height: int) -> None:
        if width < 1 or height < 1 or width * height > MAX_REGION_PX:
            raise SlideError(f"{self.path}: cannot read {width} x {height} px at once; from 1 to {MAX_REGION_PX:,} px")

    @property
    def frames(self) -> FrameSource | None:
        """The compressed frames of the slide; None where the decoder only reads regions."""
        return self._backend.frames

    def best_rendition(self, downsample: float) -> Rendition:
        """Return the coarsest pixels that are at least as fine as `downsample` level-0 pixels per pixel, within tolerances."""
        return choose_rendition(downsample, self.level_downsamples, self._shrinks, self.scaling)

    def renditions(self) -> list[Rendition]:
        """Return every level as it is, finest first."""
        return [Rendition(level, 1, own) for level, own in enumerate(self.level_downsamples)]

    def read_rendition(self, left: int, top: int, rendition: Rendition, width: int, height: int) -> NDArray[np.uint8]:
        """Return pixels of a rendition.

        Args:
            left: First column, in its pixels; may lie outside the slide.
            top: First row.
            rendition: A level, as it is or shrunk.
            width: Columns.
            height: Rows.

        Returns:
            uint8 (height, width, 3) RGB; white where there is no slide.

        Raises:
            TileError: Pixels of this region cannot be decoded.
            SlideError: The size is impossible.
        """
        self._check_size(width, height)
        x_px0, y_px0 = round(left * rendition.downsample), round(top * rendition.downsample)
        return self._backend.read_region(x_px0, y_px0, rendition.level, width, height, shrink=rendition.shrink)

    def read_scaled(
        self,
        x_px0: int,
        y_px0: int,
        window_px0: tuple[float, float],
        size: tuple[int, int],
        *,
        rendition: Rendition | None = None,
        scaling: Scaling | None = None,
    ) -> NDArray[np.uint8]:
        """Return a window of the slide at a chosen size: the best rendition, then one resample.

        Args:
            x_px0: Level-0 column of the upper left corner.
            y_px0: Level-0 row of the upper left corner.
            window_px0: Width and height of the window in level-0 pixels.
            size: Width and height of the result in pixels.
            rendition: The pixels to start from instead of the best ones.
            scaling: How to resample, if not as the slide does.

        Returns:
            uint8 (size[1], size[0], 3) RGB; white where there is no slide.
        """
        if rendition is None:
            rendition = self.best_rendition(min(window_px0[0] / size[0], window_px0[1] / size[1]))
        how = scaling or self.scaling
        placed = place(x_px0, y_px0, window_px0, rendition.downsample, how)
        pixels = self.read_rendition(placed.left, placed.top, rendition, placed.width, placed.height)
        return resample(pixels, placed.box, size, how)

    def thumbnail(self, max_px: int) -> NDArray[np.uint8]:
        """Return the whole slide, its longer side `max_px` pixels or its own size if that is less.

        It is assembled block by block, so a slide with a single huge level needs no more memory than another. What cannot be
        decoded is white; `lost_px0` tells where.

        Args:
            max_px: Longest side in pixels.

        Returns:
            uint8 (h, w, 3) RGB.

        Raises:
            SlideError: None of the pixels can be decoded, or most of a badly damaged slide cannot.
        """
        thumbnail = read_thumbnail(self, max_px)
        self._lost_px0 = tuple(sorted({*self._lost_px0, *thumbnail.lost_px0}))
        return thumbnail.pixels

    @property
    def lost_px0(self) -> tuple[tuple[int, int, int, int], ...]:
        """Left, top, right and bottom, in level-0 pixels, of what thumbnails had to leave white because it cannot be decoded."""
        return self._lost_px0

    def close(self) -> None:
        """Let go of the file; closing twice does no harm."""
        self._backend.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Slide cannot be pickled: send its path and open it in the other process")

    def __repr__(self) -> str:
        size = self.dimensions_px0
        return f"<Slide {self.path.name}: {size.width} x {size.height} px, {self.mpp:g} um/px ({self.resolution.source})>"
