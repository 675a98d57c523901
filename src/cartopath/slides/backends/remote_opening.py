"""Opening a slide at a URL: TIFF and pictures only, by the few hundred kilobytes that say how they are laid out.

OpenSlide reads files of this machine alone. So what it would be asked about here is told by the file: whose layout is its own is
refused, instead of being shown with its tiles in the wrong places.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO, cast

import tifffile

from cartopath.core.errors import SlideError
from cartopath.core.remote_file import RemoteFile
from cartopath.slides.backends.foreign_errors import STRUCTURE_ERRORS, reason
from cartopath.slides.backends.protocol import Backend
from cartopath.slides.backends.reasons import because, doubt_of, how_decoded, open_picture
from cartopath.slides.declared.sizes import check_open_file

_WAY_OUT = "copy the file to a folder and name that"
_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PICTURE_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
_SOFTWARE, _XML_PACKET, _HAMAMATSU = 305, 700, 65420


def open_remote_backend(path: Path) -> Backend:
    """Open a slide at a URL.

    Args:
        path: What `as_path` made of the URL.

    Raises:
        SlideError: It is not there or damaged, its server does not send parts of files, or its format is read from a file of this
            machine only; says which, and what to do.
    """
    try:
        with RemoteFile(path) as file:
            if file.stat.n_bytes == 0:
                raise SlideError(f"{path}: the file is empty; fetch it again")
            head = file.read(8)
            if head.startswith(_TIFF_MAGIC):
                return _open_tiff(path, file)
    except SlideError:
        raise
    except FileNotFoundError as error:
        raise SlideError(f"{path}: no such slide") from error
    except OSError as error:
        raise SlideError(f"{path}: cannot be read ({error.strerror or error})") from error
    if head.startswith(_PICTURE_MAGIC):
        return open_picture(path)
    raise SlideError(f"{path}: at a URL only TIFF slides (SVS, OME-TIFF, ...) and PNG or JPEG pictures are read; {_WAY_OUT}")


def _open_tiff(path: Path, file: RemoteFile) -> Backend:
    from cartopath.slides.backends.tiff_backend import TiffBackend
    from cartopath.slides.backends.tiff_structure import read_structure

    binary = cast("BinaryIO", file)
    check_open_file(binary, path)
    maker = _maker(path, file)
    if maker not in ("", "Aperio"):
        raise SlideError(f"{path}: the layout of {maker} is its own, which OpenSlide alone reads, not at a URL; {_WAY_OUT}")
    file.seek(0)
    structure = read_structure(path, binary)
    doubt = doubt_of(structure, is_aperio=bool(maker))
    if doubt and structure.levels[0].is_tiled:  # OpenSlide reads tiled files only: others are decoded directly anyway.
        raise SlideError(f"{path}: {doubt}, so that OpenSlide is to read it, which it does not at a URL; {_WAY_OUT}")
    return because(TiffBackend(path, structure, n_bytes=file.stat.n_bytes), f"{how_decoded(structure)}, at a URL")


def _maker(path: Path, file: RemoteFile) -> str:
    """Return whose TIFF this is, of those that OpenSlide has a reader for; "" where the frames simply lie side by side.

    Raises:
        SlideError: Its first directory is damaged.
    """
    file.seek(0)
    try:
        with tifffile.TiffFile(file, is_ndpi=False) as tiff:
            return _maker_of(tiff.pages.first)
    except STRUCTURE_ERRORS as error:
        raise SlideError(f"{path}: damaged TIFF directories ({type(error).__name__}: {reason(error)})") from error


def _maker_of(page: Any) -> str:
    description, software = str(page.description), str(page.tags.valueof(_SOFTWARE, ""))
    packet = page.tags.valueof(_XML_PACKET, b"")
    packet = packet if isinstance(packet, bytes) else str(packet).encode()
    signs = {
        "Aperio": description.startswith("Aperio"),
        "Hamamatsu": _HAMAMATSU in page.tags,
        "Leica": "leica-microsystems.com/scn" in description,
        "Philips": software.startswith("Philips"),
        "Trestle": software.startswith("MedScan"),
        "Ventana": b"iScan" in packet,
    }
    return next((maker for maker, is_theirs in signs.items() if is_theirs), "")
