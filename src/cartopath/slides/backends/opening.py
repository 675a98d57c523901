"""Which decoder opens a slide, by what the file holds.

OpenSlide comes first. The TIFF decoder takes what OpenSlide refuses, and OME-TIFF pyramids of which OpenSlide sees only the
finest level; plain PNG and JPEG pictures have a decoder of their own. Formats with a geometry of their own (overlapping tiles,
several files) are left to OpenSlide alone: another decoder would put their tiles in the wrong places.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cartopath.core.errors import SlideError
from cartopath.slides.backends.dicom_folder import slide_in_folder
from cartopath.slides.backends.protocol import Backend
from cartopath.slides.declared.sizes import check_declared_sizes

_PLAIN_TIFF = "generic-tiff"
_PLAIN_GEOMETRY = (None, _PLAIN_TIFF, "aperio")


def open_backend(path: Path) -> Backend:
    """Open a slide with the decoder that suits it.

    Args:
        path: A file, or a folder that holds the files of one DICOM slide.

    Raises:
        SlideError: It is missing or none of the decoders can open it; says what each of them found.
    """
    from cartopath.slides.backends.openslide_backend import (  # loads a shared library: only when needed
        OpenSlideBackend,
        detected_vendor,
    )

    if path.is_dir():
        path = slide_in_folder(path)
    if not path.is_file():
        raise SlideError(f"{path}: no such slide")
    if path.stat().st_size == 0:
        raise SlideError(f"{path}: the file is empty; fetch it again")
    check_declared_sizes(path)
    vendor = detected_vendor(path)
    if vendor not in _PLAIN_GEOMETRY:
        return OpenSlideBackend(path)
    if vendor == _PLAIN_TIFF:
        return _open_plain_tiff(path)
    if vendor is None and _is_picture(path):
        return _open_image(path)
    attempts: dict[str, Callable[[Path], Backend]] = {"OpenSlide": OpenSlideBackend, "TIFF": _open_tiff}
    return _first(path, attempts if vendor else attempts | {"image": _open_image})


def _open_plain_tiff(path: Path) -> Backend:
    """Open a tiled TIFF that OpenSlide knows no vendor of: by OpenSlide, if it takes just the slide's levels for levels."""
    from cartopath.slides.backends.openslide_backend import OpenSlideBackend
    from cartopath.slides.backends.tiff_structure import UnsuitableImageError, read_structure

    try:
        structure = read_structure(path)
    except UnsuitableImageError:
        raise  # OpenSlide would show one channel of many, or 16-bit values, as if they were colours
    except SlideError:
        return _first(path, {"OpenSlide": OpenSlideBackend, "TIFF": _open_tiff})
    try:
        backend = OpenSlideBackend(path)
    except SlideError:
        return _first(path, {"TIFF": _open_tiff, "OpenSlide": OpenSlideBackend})
    if {(level.width, level.height) for level in structure.levels} == set(backend.level_dimensions):
        return backend
    backend.close()
    return _first(path, {"TIFF": _open_tiff, "OpenSlide": OpenSlideBackend})


def _first(path: Path, attempts: dict[str, Callable[[Path], Backend]]) -> Backend:
    """Return the first backend that opens.

    Raises:
        SlideError: None does; says why each does not, on one line.
    """
    from cartopath.slides.backends.tiff_structure import UnsuitableImageError

    reasons = []
    for name, attempt in attempts.items():
        try:
            return attempt(path)
        except UnsuitableImageError:
            raise
        except SlideError as error:
            reasons.append(f"{name}: {str(error).removeprefix(f'{path}: ')}")
    raise SlideError(f"{path}: no decoder can open it; {'; '.join(reasons)}")


def _open_tiff(path: Path) -> Backend:
    from cartopath.slides.backends.tiff_backend import TiffBackend

    return TiffBackend(path)


def _is_picture(path: Path) -> bool:
    from cartopath.slides.backends.image_backend import reader_of

    return reader_of(path) is not None


def _open_image(path: Path) -> Backend:
    from cartopath.slides.backends.image_backend import ImageBackend

    return ImageBackend(path)
