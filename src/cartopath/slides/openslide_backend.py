"""Slides through OpenSlide: whatever it opens, with its errors translated and its cache kept small."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import openslide
from numpy.typing import NDArray
from PIL import Image

from cartopath.core.errors import SlideError
from cartopath.slides.declared_sizes import check_declared_sizes

CACHE_BYTES = 64 << 20
_WHITE = (255, 255, 255)


@functools.lru_cache(maxsize=1)
def _shared_cache(process_id: int) -> Any:
    """Return the one cache of decoded frames of this process: memory stays flat however many slides are open."""
    return openslide.OpenSlideCache(CACHE_BYTES)


class OpenSlideBackend:
    """An open slide file behind OpenSlide; see `cartopath.slides.backend.Backend`."""

    name = "openslide"

    def __init__(self, path: Path) -> None:
        """Open the file at `path`.

        Raises:
            SlideError: OpenSlide does not know the format, the file is damaged, or it declares sizes that would end the process.
        """
        check_declared_sizes(path)
        self.path = path
        try:
            handle = openslide.OpenSlide(str(path))
        except openslide.OpenSlideUnsupportedFormatError as error:
            raise SlideError(f"{path}: not a slide that OpenSlide can open (unknown, untiled or damaged format)") from error
        except openslide.OpenSlideError as error:
            raise SlideError(f"{path}: OpenSlide cannot open it ({error})") from error
        try:
            handle.set_cache(_shared_cache(os.getpid()))
            self.level_dimensions: tuple[tuple[int, int], ...] = tuple(handle.level_dimensions)
            self.level_downsamples: tuple[float, ...] = tuple(float(value) for value in handle.level_downsamples)
            self.properties: Mapping[str, str] = MappingProxyType(_properties(handle))
        except openslide.OpenSlideError as error:
            handle.close()
            raise SlideError(f"{path}: OpenSlide cannot read its structure ({error})") from error
        self._handle: Any = handle

    def read_region(self, x_px0: int, y_px0: int, level: int, width: int, height: int) -> NDArray[np.uint8]:
        """Return `height` x `width` pixels of `level` from a level-0 corner, uint8 (h, w, 3) RGB; white where there is no slide.

        Raises:
            SlideError: The pixels cannot be decoded, or the slide is closed.
        """
        if self._handle is None:
            raise SlideError(f"{self.path}: read after it was closed; open it again")
        try:
            region = self._handle.read_region((x_px0, y_px0), level, (width, height))
        except openslide.OpenSlideError as error:
            raise SlideError(
                f"{self.path}: cannot decode {width} x {height} px of level {level} at level-0 ({x_px0}, {y_px0}): {error}"
            ) from error
        return _flatten(region)

    def close(self) -> None:
        """Let go of the file; closing twice does no harm."""
        if self._handle is not None:
            self._handle.close()
            self._handle = None


def _properties(handle: Any) -> dict[str, str]:
    """Return the properties that have a value: damaged files list names without one."""
    found = {name: handle.properties.get(name) for name in handle.properties}
    return {name: value for name, value in found.items() if value is not None}


def _flatten(region: Image.Image) -> NDArray[np.uint8]:
    """Return an RGBA image as RGB on white; the usual opaque region is only stripped of its alpha channel."""
    alpha = region.getchannel("A")
    if alpha.getextrema() == (255, 255):
        return np.array(region.convert("RGB"))
    flat = Image.new("RGB", region.size, _WHITE)
    flat.paste(region, mask=alpha)
    return np.array(flat)
