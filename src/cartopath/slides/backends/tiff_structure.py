"""Where the pixels of a TIFF slide lie: levels, frames, how they are compressed; read through tifffile, nothing is decoded.

Works on tiled and striped TIFF, BigTIFF and OME-TIFF. Which directories are levels of the slide, and which are labels, macros or
something else, is decided in `cartopath.slides.backends.tiff_pages`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import tifffile
from numpy.typing import NDArray

from cartopath.core.errors import SlideError
from cartopath.slides.backends.foreign_errors import STRUCTURE_ERRORS, reason
from cartopath.slides.backends.jpeg2000_frames import APERIO_YCBCR
from cartopath.slides.backends.tiff_first_frame import frames_say_ycbcr
from cartopath.slides.backends.tiff_level import (
    BLACK_IS_ZERO,
    JPEG,
    NO_COMPRESSION,
    PALETTE,
    RGB,
    WHITE_IS_ZERO,
    YCBCR,
    Alpha,
    TiffLevel,
)
from cartopath.slides.backends.tiff_pages import choose_pages
from cartopath.slides.backends.tiff_properties import tiff_properties
from cartopath.slides.declared.limits import MAX_SIDE_PX, MAX_TILE_PX

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # its remarks on odd files are for logs, not for the terminal

_PART_OF_STRIP_BYTES = 1 << 22
_ORIENTATION = 274


class UnsuitableImageError(SlideError):
    """The TIFF is sound, but what it holds is no 8-bit picture in brightfield colours; no other decoder would make it one."""


@dataclass(frozen=True, slots=True)
class TiffStructure:
    """The levels of a TIFF slide, finest first, and what the file says about itself under OpenSlide's names."""

    levels: tuple[TiffLevel, ...]
    properties: Mapping[str, str]

    @property
    def doubt(self) -> str:
        """What OpenSlide shows otherwise than the decoder of TIFF, in one clause; "" where there is no such thing."""
        return next((level.doubt for level in self.levels if level.doubt), "")


def read_structure(path: Path, file: BinaryIO | None = None) -> TiffStructure:
    """Return where the pixels of a TIFF lie.

    Args:
        path: The file; its declared sizes have been checked.
        file: The same, open; left open.

    Raises:
        UnsuitableImageError: It holds no 8-bit greyscale or RGB picture, or nothing but labels.
        SlideError: It is no TIFF, damaged, or compressed in a way that cannot be read here.
    """
    try:
        # A name alone makes no Hamamatsu file; those go to OpenSlide.
        with tifffile.TiffFile(file or path, is_ndpi=False) as tiff:
            pages = choose_pages(tiff)
            if not pages:
                raise UnsuitableImageError(f"{path}: it holds nothing but label, macro or thumbnail images")
            if pages.n_planes > 1:
                raise UnsuitableImageError(
                    f"{path}: {pages.n_planes} greyscale planes of one size: fluorescence, a stack, or one image per colour; "
                    "only brightfield slides with RGB or greyscale pixels are read"
                )
            levels = tuple(_level(page, path) for page in pages.levels)
            return TiffStructure(levels, tiff_properties(tiff, pages.levels[0]))
    except SlideError:
        raise
    except tifffile.TiffFileError as error:
        raise SlideError(f"{path}: {reason(error)}") from error
    except STRUCTURE_ERRORS as error:
        raise SlideError(f"{path}: damaged TIFF directories ({type(error).__name__}: {reason(error)})") from error


def _level(page: Any, path: Path) -> TiffLevel:
    _check_picture(page, path)
    width, height = int(page.imagewidth), int(page.imagelength)
    is_tiled = bool(page.is_tiled)
    frame_width, frame_height = (
        (int(page.tilewidth), int(page.tilelength)) if is_tiled else (width, min(int(page.rowsperstrip) or height, height))
    )
    _check_sizes(width, height, frame_width, frame_height, path)
    is_planar = int(page.planarconfig) == 2 and int(page.samplesperpixel) > 1
    offsets, sizes = np.array(page.dataoffsets, np.int64), np.array(page.databytecounts, np.int64)
    samples = int(page.samplesperpixel)
    if page.compression == NO_COMPRESSION and not is_tiled and frame_height == height:
        row_bytes = width * (1 if is_planar else samples)
        frame_height = min(height, max(1, _PART_OF_STRIP_BYTES // row_bytes))
        offsets, sizes = _parts_of_strips(offsets, height, frame_height, row_bytes)
    if frame_width * frame_height > MAX_TILE_PX:
        raise SlideError(
            f"{path}: {width:,} x {height:,} px compressed as one strip; more than {MAX_TILE_PX:,} px at once are refused; "
            "convert it to a tiled TIFF (vips tiffsave IN OUT --tile --pyramid --compression jpeg)"
        )
    level = TiffLevel(
        width=width,
        height=height,
        frame_width=frame_width,
        frame_height=frame_height,
        is_tiled=is_tiled,
        compression=int(page.compression),
        photometric=int(page.photometric),
        samples=samples,
        is_planar=is_planar,
        has_predictor=int(page.predictor) == 2,
        alpha=_alpha(page, samples),
        jpeg_tables=page.jpegtables,
        frames_say_ycbcr=frames_say_ycbcr(page, path),
        palette=_palette(page),
        is_upright=page.tags.valueof(_ORIENTATION, 1) == 1,
        offsets=offsets,
        sizes=sizes,
    )
    n_frames = level.n_cols * level.n_rows * level.n_planes
    if min(len(offsets), len(sizes)) < n_frames:
        raise SlideError(f"{path}: a level of {n_frames:,} frames lists {min(len(offsets), len(sizes)):,}; the file is damaged")
    return level


def _check_picture(page: Any, path: Path) -> None:
    """Refuse what is no 8-bit greyscale or RGB picture."""
    bits, kind = page.bitspersample, page.sampleformat
    if bits != 8 or kind != 1:
        what = "floating-point" if kind == 3 else f"{bits}-bit"
        raise UnsuitableImageError(
            f"{path}: {what} samples; only 8-bit RGB or greyscale is read, since how other values map to colours is unknown; "
            "convert it to 8-bit RGB"
        )
    samples, photometric = int(page.samplesperpixel), int(page.photometric)
    if samples not in (1, 3, 4) or int(page.imagedepth) != 1:
        raise UnsuitableImageError(f"{path}: {samples} channels; only brightfield slides with 1, 3 or 4 (RGB and alpha) are read")
    expected = {WHITE_IS_ZERO: (1,), BLACK_IS_ZERO: (1,), RGB: (3, 4), PALETTE: (1,), YCBCR: (3,)}
    if samples not in expected.get(photometric, ()):
        name = getattr(page.photometric, "name", photometric)
        raise UnsuitableImageError(f"{path}: {samples} channels of colour space {name}; only RGB, YCbCr and greyscale are read")
    if photometric == YCBCR and int(page.compression) not in (JPEG, APERIO_YCBCR):
        raise SlideError(f"{path}: YCbCr colours without JPEG compression; convert it to RGB")
    if int(page.predictor) not in (1, 2) or int(page.fillorder) != 1:
        raise SlideError(
            f"{path}: predictor {int(page.predictor)}, fill order {int(page.fillorder)}; only 1 or 2, and 1, are read"
        )


def _check_sizes(width: int, height: int, frame_width: int, frame_height: int, path: Path) -> None:
    if not all(1 <= side <= MAX_SIDE_PX for side in (width, height, frame_width, frame_height)):
        raise SlideError(f"{path}: a level of {width:,} x {height:,} px in frames of {frame_width:,} x {frame_height:,} px")


def _parts_of_strips(
    offsets: NDArray[np.int64], height: int, rows: int, row_bytes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return offsets and sizes of the parts, `rows` rows each, of uncompressed strips that hold a whole image or plane."""
    first_rows = np.arange(0, height, rows, dtype=np.int64)
    starts = (offsets[:, None] + first_rows * row_bytes).ravel()
    sizes = np.tile(np.minimum(rows, height - first_rows) * row_bytes, len(offsets))
    return starts, sizes


def _alpha(page: Any, samples: int) -> Alpha:
    meaning = int(page.extrasamples[0]) if samples == 4 and page.extrasamples else 0
    return "premultiplied" if meaning == 1 else "straight" if meaning == 2 else "none"


def _palette(page: Any) -> NDArray[np.uint8] | None:
    if int(page.photometric) != PALETTE:
        return None
    colours = np.asarray(page.colormap, np.uint16).reshape(3, 256).T
    return (colours >> 8 if colours.max() > 255 else colours).astype(np.uint8)  # some writers store 8-bit values
