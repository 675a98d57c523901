"""Why a decoder reads a slide: what it decodes directly, and what speaks for OpenSlide instead."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cartopath.slides.backends.protocol import Backend

if TYPE_CHECKING:
    from cartopath.slides.backends.tiff_structure import TiffStructure

_COMPRESSIONS = {
    1: "uncompressed",
    5: "LZW",
    7: "JPEG",
    8: "deflate",
    32773: "PackBits",
    32946: "deflate",
    33003: "JPEG 2000",
    33005: "JPEG 2000",
    34712: "JPEG 2000",
    34925: "LZMA",
    50000: "Zstandard",
    50001: "WebP",
}
"""Values of TIFF tag 259 in words."""


def because(backend: Backend, reason: str) -> Backend:
    """Note why this decoder reads the slide."""
    backend.reason = reason
    return backend


def how_decoded(structure: TiffStructure) -> str:
    """Return in one clause what of a TIFF is decoded directly."""
    names = dict.fromkeys(_COMPRESSIONS.get(level.compression, f"compression {level.compression}") for level in structure.levels)
    kind = "tiled" if structure.levels[0].is_tiled else "striped"
    return f"{kind} TIFF, {' and '.join(names)} frames decoded directly"


def doubt_of(structure: TiffStructure, *, is_aperio: bool) -> str:
    """Return what OpenSlide shows otherwise than the direct decoder; "" if nothing is known to be."""
    for number, level in enumerate(structure.levels if is_aperio else ()):
        n_frames = level.n_cols * level.n_rows * level.n_planes
        if not (level.offsets[:n_frames].all() and level.sizes[:n_frames].all()):
            return f"a frame of level {number} is missing, which OpenSlide paints from another level"
    return structure.doubt


def open_picture(path: Path) -> Backend:
    """Open a PNG or JPEG.

    Raises:
        SlideError: It is damaged or too large.
    """
    from cartopath.slides.backends.image_backend import ImageBackend

    return because(ImageBackend(path), "a plain picture, decoded as a whole")
