"""Slides through OpenSlide: whatever it opens, with its errors translated and its cache kept small.

A region that cannot be decoded costs that region only: OpenSlide's handle, useless after an error, is replaced by a fresh one.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import openslide
from numpy.typing import NDArray
from PIL import Image

from cartopath.core.errors import SlideError, TileError
from cartopath.slides.declared.sizes import check_declared_sizes

CACHE_BYTES = 64 << 20
_WHITE = (255, 255, 255)


@functools.lru_cache(maxsize=1)
def _shared_cache(process_id: int) -> Any:
    """Return the one cache of decoded frames of this process: memory stays flat however many slides are open."""
    return openslide.OpenSlideCache(CACHE_BYTES)


def detected_vendor(path: Path) -> str | None:
    """Return the name that OpenSlide gives to the format of a file, None if it knows none."""
    try:
        vendor = openslide.OpenSlide.detect_format(str(path))
    except openslide.OpenSlideError:
        return None
    return None if vendor is None else str(vendor)


class _Handle:
    """One of OpenSlide's handles, closed when it is retired and the last thread has left it.

    After its first error a handle of OpenSlide refuses everything else that is asked of it.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._slide: Any = openslide.OpenSlide(str(path))
        except openslide.OpenSlideUnsupportedFormatError as error:
            raise SlideError(f"{path}: not a slide that OpenSlide can open (unknown, untiled or damaged format)") from error
        except openslide.OpenSlideError as error:
            raise SlideError(f"{path}: OpenSlide cannot open it ({error})") from error
        self._slide.set_cache(_shared_cache(os.getpid()))
        self._lock = threading.Lock()
        self._n_readers = 0
        self._is_retired = False

    def structure(self) -> tuple[tuple[tuple[int, int], ...], tuple[float, ...], dict[str, str]]:
        """Return dimensions and downsamples of the levels, and the properties."""
        slide = self._slide
        return tuple(slide.level_dimensions), tuple(float(value) for value in slide.level_downsamples), _properties(slide)

    def enter(self) -> bool:
        """Count a reader in; False if the handle was retired in the meantime."""
        with self._lock:
            self._n_readers += not self._is_retired
            return not self._is_retired

    def leave(self) -> None:
        """Count a reader out."""
        with self._lock:
            self._n_readers -= 1
            self._close_if_unused()

    def retire(self) -> None:
        """Let nobody in any more, and close when everybody is out."""
        with self._lock:
            self._is_retired = True
            self._close_if_unused()

    def _close_if_unused(self) -> None:
        if self._is_retired and self._n_readers == 0:
            self._slide.close()

    def read_region(self, x_px0: int, y_px0: int, level: int, size: tuple[int, int]) -> NDArray[np.uint8]:
        """Return pixels as RGB on white; between `enter` and `leave` only."""
        return _flatten(self._slide.read_region((x_px0, y_px0), level, size))


class OpenSlideBackend:
    """An open slide file behind OpenSlide; see `cartopath.slides.backends.protocol.Backend`."""

    name = "openslide"
    reason = ""
    frames = None

    def __init__(self, path: Path) -> None:
        """Open the file at `path`.

        Raises:
            SlideError: OpenSlide does not know the format, the file is damaged, or it declares sizes that would end the process.
        """
        check_declared_sizes(path, frames=True)
        self.path = path
        handle = _Handle(path)
        try:
            self.level_dimensions, self.level_downsamples, properties = handle.structure()
        except openslide.OpenSlideError as error:
            handle.retire()
            raise SlideError(f"{path}: OpenSlide cannot read its structure ({error})") from error
        self.properties: Mapping[str, str] = MappingProxyType(properties)
        self._handle: _Handle | None = handle
        self._changing = threading.Lock()

    def read_region(self, x_px0: int, y_px0: int, level: int, width: int, height: int, *, shrink: int = 1) -> NDArray[np.uint8]:
        """Return `height` x `width` pixels of `level` from a level-0 corner, uint8 (h, w, 3) RGB; white where there is no slide.

        Raises:
            TileError: The pixels of this region cannot be decoded; others can still be read.
            SlideError: The slide is closed, or cannot be opened again after an error.
        """
        handle = self._handle
        while handle is not None and not handle.enter():
            handle = self._handle
        if handle is None:
            raise SlideError(f"{self.path}: read after it was closed; open it again")
        try:
            return handle.read_region(x_px0, y_px0, level, (width, height))
        except openslide.OpenSlideError:
            pass  # of this region, or of another thread's: see below
        finally:
            handle.leave()
        return self._read_alone(x_px0, y_px0, level, (width, height))

    def _read_alone(self, x_px0: int, y_px0: int, level: int, size: tuple[int, int]) -> NDArray[np.uint8]:
        """Read once more through a fresh handle that no other thread uses: an error is then this region's own."""
        with self._changing:
            alone = self._fresh_handle()
            try:
                pixels = alone.read_region(x_px0, y_px0, level, size)
            except openslide.OpenSlideError as error:
                alone.retire()
                self._publish(self._fresh_handle())
                raise TileError(
                    f"{self.path}: cannot decode {size[0]} x {size[1]} px of level {level} at level-0 ({x_px0}, {y_px0}): {error}"
                ) from error
            self._publish(alone)
            return pixels

    def _fresh_handle(self) -> _Handle:
        if self._handle is None:
            raise SlideError(f"{self.path}: closed while it was read")
        return _Handle(self.path)

    def _publish(self, fresh: _Handle) -> None:
        """Let all threads use a fresh handle instead of the one in error."""
        old, self._handle = self._handle, fresh
        if old is not None:
            old.retire()

    def close(self) -> None:
        """Let go of the file; closing twice does no harm."""
        with self._changing:
            old, self._handle = self._handle, None
        if old is not None:
            old.retire()


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
