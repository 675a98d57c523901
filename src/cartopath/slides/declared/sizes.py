"""A look at the sizes that a slide file declares, before any library allocates memory for them.

OpenSlide 4.0.1 allocates a tile of the declared size and ends the whole process, uncatchably, when it cannot; its DICOM reader
follows offsets of frames to wherever they point. Only the few numbers that matter are read here, nothing is decoded; files that
are neither TIFF, DICOM, MIRAX, VMS nor VMU pass.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from cartopath.core.errors import SlideError
from cartopath.core.locations import is_remote, open_binary
from cartopath.slides.declared.dicom import check_dicom, is_dicom, series_of
from cartopath.slides.declared.keyfiles import check_hamamatsu, check_mirax
from cartopath.slides.declared.tiff import check_tiff, tiff_layout


def check_declared_sizes(path: Path, *, frames: bool = False) -> None:
    """Refuse a file that declares impossible sizes or places; a file of unknown format passes.

    OpenSlide opens all instances of a DICOM series that lie in one folder, so those are looked at, too.

    Args:
        path: The file.
        frames: Look at the size of each compressed tile of a TIFF, too. OpenSlide allocates it; a decoder that compares it with
            the file before can go on without the tile.

    Raises:
        SlideError: It cannot be read, it is cut off, its directories form a loop, an image or tile has an impossible size, there
            are too few tiles for the image, or frames lie outside the file.
    """
    try:
        with open_binary(path) as file:
            series = check_open_file(file, path, frames=frames)
    except OSError as error:
        if isinstance(error, SlideError):
            raise
        raise SlideError(f"{path}: cannot be read ({error.strerror or error})") from error
    if series is not None and not is_remote(path):
        _check_siblings(path, series)


def check_open_file(file: BinaryIO, path: Path, *, frames: bool = False) -> bytes | None:
    """Check one open file as `check_declared_sizes` does, without the others of a DICOM series.

    Returns:
        The unique identifier of the series of a DICOM file; None for other files.

    Raises:
        SlideError: As there.
        OSError: It cannot be read.
    """
    end = file.seek(0, 2)
    file.seek(0)
    head = file.read(132)
    if (layout := tiff_layout(file, head, end)) is not None:
        check_tiff(file, layout, path, end, frames=frames)
    elif is_dicom(head):
        return check_dicom(file, path, end)
    elif path.suffix == ".mrxs":
        check_mirax(path)
    else:
        check_hamamatsu(path, head)
    return None


def _check_siblings(path: Path, series: bytes) -> None:
    for other in sorted(path.parent.iterdir()):
        if other == path or not other.is_file():
            continue
        try:
            with other.open("rb") as file:
                if _is_of_series(file, other, series):
                    check_dicom(file, other, file.seek(0, 2))
        except SlideError as error:
            raise SlideError(f"{path}: another file of its series is damaged: {error}") from error
        except OSError:
            continue  # nor can OpenSlide read it


def _is_of_series(file: BinaryIO, path: Path, series: bytes) -> bool:
    """Return whether a file is DICOM of one series; one that cannot be understood is of none."""
    try:
        return is_dicom(file.read(132)) and series_of(file, path) == series
    except SlideError:
        return False
