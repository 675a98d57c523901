"""Plain PNG and JPEG pictures as slides: cores of tissue microarrays, photographs of sections, crops.

Such a picture can only be decoded as a whole. That happens at the first read, and the pixels are kept while they are in use; the
coarse levels are averages of blocks of pixels. Orientation tags are ignored: coordinates are those of the stored raster, as
scikit-image and tifffile give it. Transparent parts are white; palettes, CMYK and 16-bit greyscale become 8-bit RGB.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin, PngImagePlugin

from cartopath.core.errors import SlideError
from cartopath.core.locations import open_binary
from cartopath.slides.backends.foreign_errors import IMAGE_ERRORS, reason
from cartopath.slides.backends.pixel_cache import PixelCache, new_owner
from cartopath.slides.declared.sizes import check_declared_sizes

MAX_IMAGE_PX = 1 << 27
"""134 million pixels, 11,585 x 11,585: about 1 GB while it is decoded, 400 MB afterwards."""
HELD_BYTES = 640 << 20
"""Of decoded pictures, for all of a process together; one is always held."""
_REDUCTIONS = (4, 16, 64)
_SMALLEST_LEVEL_PX = 256
_ROWS_AT_ONCE = 256

_Levels = tuple[NDArray[np.uint8], ...]
# The classes of the two formats themselves: `Image.open` would try dozens of others, and warn of sizes that are refused below.
_READERS: dict[bytes, Callable[[BinaryIO], Image.Image]] = {
    b"\x89PNG\r\n\x1a\n": PngImagePlugin.PngImageFile,
    b"\xff\xd8\xff": JpegImagePlugin.JpegImageFile,
}


@functools.lru_cache(maxsize=1)
def _shared_cache(process_id: int) -> PixelCache[_Levels]:
    return PixelCache(HELD_BYTES)


class ImageBackend:
    """A PNG or JPEG picture; see `cartopath.slides.backends.protocol.Backend`."""

    name = "image"
    reason = ""
    frames = None

    def __init__(self, path: Path) -> None:
        """Read the header of the picture at `path`.

        Raises:
            SlideError: It is no PNG or JPEG, damaged, or has more pixels than can be decoded at once.
        """
        check_declared_sizes(path)
        self.path = path
        reader = reader_of(path)
        if reader is None:
            raise SlideError(f"{path}: not a PNG or JPEG picture")
        self._reader = reader
        try:
            with _without_remarks(), open_binary(path) as file, reader(file) as image:
                width, height = image.size
                self.properties: Mapping[str, str] = MappingProxyType(_density(image))
        except IMAGE_ERRORS as error:
            raise SlideError(f"{path}: damaged picture ({reason(error)})") from error
        if width < 1 or height < 1 or width * height > MAX_IMAGE_PX:
            raise SlideError(
                f"{path}: a picture of {width:,} x {height:,} px; up to {MAX_IMAGE_PX:,} px can be decoded at once; "
                "convert it to a tiled TIFF (vips tiffsave IN OUT --tile --pyramid --compression jpeg)"
            )
        self._reductions = (1, *(n for n in _REDUCTIONS if max(width, height) >= n * _SMALLEST_LEVEL_PX))
        self.level_dimensions: tuple[tuple[int, int], ...] = tuple((-(-width // n), -(-height // n)) for n in self._reductions)
        self.level_downsamples: tuple[float, ...] = tuple(float(n) for n in self._reductions)
        self._held = _shared_cache(os.getpid())
        self._owner = new_owner()
        self._decoding = threading.Lock()
        self._is_closed = False

    def read_region(self, x_px0: int, y_px0: int, level: int, width: int, height: int, *, shrink: int = 1) -> NDArray[np.uint8]:
        """Return `height` x `width` pixels of `level` from a level-0 corner, uint8 (h, w, 3) RGB; white where there is no slide.

        Raises:
            SlideError: The picture is damaged, or closed.
        """
        if self._is_closed:
            raise SlideError(f"{self.path}: read after it was closed; open it again")
        pixels, scale = self._levels()[level], self._reductions[level]
        left, top = (x_px0 + scale // 2) // scale, (y_px0 + scale // 2) // scale
        region = np.full((height, width, 3), 255, np.uint8)
        rows = slice(max(0, top), max(0, min(pixels.shape[0], top + height)))
        cols = slice(max(0, left), max(0, min(pixels.shape[1], left + width)))
        part = pixels[rows, cols]
        region[rows.start - top :, cols.start - left :][: part.shape[0], : part.shape[1]] = part
        return region

    def _levels(self) -> _Levels:
        """Return the decoded levels, finest first; one thread decodes, the others wait."""
        with self._decoding:
            levels = self._held.get(self._owner, "levels")
            if levels is None:
                levels = self._decode()
                self._held.put(self._owner, "levels", levels, sum(level.nbytes for level in levels))
            return levels

    def _decode(self) -> _Levels:
        try:
            with _without_remarks(), open_binary(self.path) as file, self._reader(file) as image:
                rgb = _rgb_on_white(image)
                return tuple(_array(rgb if n == 1 else rgb.reduce(n)) for n in self._reductions)
        except IMAGE_ERRORS as error:
            raise SlideError(
                f"{self.path}: the picture is damaged and can only be decoded as a whole ({reason(error)})"
            ) from error

    def close(self) -> None:
        """Let go of the pixels; closing twice does no harm."""
        self._is_closed = True
        self._held.drop(self._owner)


def reader_of(path: Path) -> Callable[[BinaryIO], Image.Image] | None:
    """Return what reads a picture, by its first bytes; None if it is neither PNG nor JPEG.

    Raises:
        SlideError: The file cannot be read.
    """
    try:
        with open_binary(path) as file:
            head = file.read(8)
    except OSError as error:
        raise SlideError(f"{path}: cannot be read ({error.strerror or error})") from error
    return next((reader for magic, reader in _READERS.items() if head.startswith(magic)), None)


@contextlib.contextmanager
def _without_remarks() -> Iterator[None]:
    """Keep what Pillow has to say about odd metadata, which nothing here depends on, from the terminal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def _density(image: Image.Image) -> dict[str, str]:
    """Return the pixels per inch that the file states; most programs write 72, 96 or 300 without thinking."""
    density = image.info.get("dpi")
    if not isinstance(density, tuple) or len(density) != 2:
        return {}
    x, y = (float(value) for value in density)
    source = "png.pHYs" if isinstance(image, PngImagePlugin.PngImageFile) else "jpeg.density"
    return {f"{source}-x": f"{x:.12g}", f"{source}-y": f"{y:.12g}"}


def _rgb_on_white(image: Image.Image) -> Image.Image:
    """Return any picture as 8-bit RGB, transparent parts on white."""
    if image.mode.startswith("I"):  # 16-bit greyscale: PNG states that it fills the whole range
        return Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        solid = image.convert("RGBA")
        flat = Image.new("RGB", solid.size, (255, 255, 255))
        flat.paste(solid, mask=solid.getchannel("A"))
        return flat
    image.load()
    return image if image.mode == "RGB" else image.convert("RGB")


def _array(image: Image.Image) -> NDArray[np.uint8]:
    """Return the pixels of an RGB picture; a few rows at a time, since Pillow would need three times their memory at once."""
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    for top in range(0, image.height, _ROWS_AT_ONCE):
        bottom = min(top + _ROWS_AT_ONCE, image.height)
        pixels[top:bottom] = np.asarray(image.crop((0, top, image.width, bottom)))
    return pixels
