"""Which decoder opens a slide, by what the file holds; every open slide can say which it is, and why.

Frames of a TIFF are decoded directly wherever that is known to show what OpenSlide shows; any doubt goes to OpenSlide, and
formats with a geometry of their own (overlapping tiles, several files) are left to it alone: another decoder would put their
tiles in the wrong places. Plain PNG and JPEG pictures have a decoder of their own.
"""

from __future__ import annotations

from pathlib import Path

from cartopath.core.errors import SlideError
from cartopath.core.locations import is_remote
from cartopath.slides.backends.dicom_folder import slide_in_folder
from cartopath.slides.backends.protocol import Backend
from cartopath.slides.backends.reasons import because, doubt_of, how_decoded, open_picture
from cartopath.slides.declared.sizes import check_declared_sizes

_APERIO = "aperio"
_PLAIN_GEOMETRY = (None, "generic-tiff", _APERIO)


def open_backend(path: Path) -> Backend:
    """Open a slide with the decoder that suits it.

    Args:
        path: A file, or a folder that holds the files of one DICOM slide; or what `as_path` made of a URL.

    Raises:
        SlideError: It is missing or none of the decoders can open it; says what each of them found.
    """
    if is_remote(path):
        from cartopath.slides.backends.remote_opening import open_remote_backend

        return open_remote_backend(path)
    from cartopath.slides.backends.openslide_backend import detected_vendor  # loads a shared library: only when needed

    if path.is_dir():
        path = slide_in_folder(path)
    if not path.is_file():
        raise SlideError(f"{path}: no such slide")
    if path.stat().st_size == 0:
        raise SlideError(f"{path}: the file is empty; fetch it again")
    check_declared_sizes(path)
    vendor = detected_vendor(path)
    if vendor not in _PLAIN_GEOMETRY:
        return _open_with_openslide(path, f"the layout of {vendor} is its own")
    if vendor is None and _is_picture(path):
        return open_picture(path)
    return _open_plain(path, vendor)


def _open_plain(path: Path, vendor: str | None) -> Backend:
    """Open what is a TIFF with frames side by side, or nothing that the decoder of TIFF knows."""
    from cartopath.slides.backends.tiff_backend import TiffBackend
    from cartopath.slides.backends.tiff_structure import UnsuitableImageError, read_structure

    try:
        structure = read_structure(path)
        direct = TiffBackend(path, structure)
    except SlideError as error:
        if isinstance(error, UnsuitableImageError) and vendor != _APERIO:
            raise  # OpenSlide would show one channel of many, or 16-bit values, as if they were colours
        return _open_otherwise(path, vendor, error)
    doubt = doubt_of(structure, is_aperio=vendor == _APERIO)
    how = how_decoded(structure)
    if vendor is None or (vendor != _APERIO and not doubt):
        return because(direct, how)
    try:
        theirs = _open_with_openslide(path, doubt)
    except SlideError:
        return because(direct, f"{how}; OpenSlide refuses the file")
    if direct.level_dimensions != theirs.level_dimensions:
        is_aperio = vendor == _APERIO  # Of other files OpenSlide may see the finest level alone.
        doubt = (doubt or "OpenSlide finds other levels in it than the decoder of TIFF") if is_aperio else ""
    chosen, other = (theirs, direct) if doubt else (direct, theirs)
    other.close()
    return because(chosen, doubt or how)


def _open_otherwise(path: Path, vendor: str | None, refusal: SlideError) -> Backend:
    """Open what the decoder of TIFF refuses.

    Raises:
        SlideError: Nothing opens it; says why each decoder does not, on one line.
    """
    said = str(refusal).removeprefix(f"{path}: ")
    reasons = [f"TIFF: {said}"]
    try:
        return _open_with_openslide(path, said)
    except SlideError as error:
        reasons.append(f"OpenSlide: {str(error).removeprefix(f'{path}: ')}")
    if vendor is None:
        reasons.append("image: not a PNG or JPEG picture")
    raise SlideError(f"{path}: no decoder can open it; {'; '.join(reasons)}") from refusal


def _open_with_openslide(path: Path, reason: str) -> Backend:
    from cartopath.slides.backends.openslide_backend import OpenSlideBackend

    return because(OpenSlideBackend(path), reason)


def _is_picture(path: Path) -> bool:
    from cartopath.slides.backends.image_backend import reader_of

    return reader_of(path) is not None
