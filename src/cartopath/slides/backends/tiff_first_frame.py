"""What the first frame of a level says of itself, which may be more than its directory says, or something else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cartopath.core.errors import SlideError
from cartopath.slides.backends.jpeg2000_frames import APERIO_RGB, COMPRESSIONS, Jpeg2000Header, read_header
from cartopath.slides.backends.jpeg_headers import says_ycbcr
from cartopath.slides.backends.protocol import FrameError
from cartopath.slides.backends.tiff_level import JPEG

_HEAD_BYTES = 4096


def frames_say_ycbcr(page: Any, path: Path) -> bool:
    """Whether the first frame says so itself, by a JPEG's marker or by colours of a lower resolution in JPEG 2000.

    Args:
        page: tifffile's page, its file open.
        path: The file, for messages.

    Raises:
        SlideError: It is JPEG 2000 of a kind that cannot be decoded.
    """
    compression = int(page.compression)
    if compression == JPEG:
        return says_ycbcr(_first_bytes(page))
    header = _jpeg2000_header(_first_bytes(page)) if compression in COMPRESSIONS else None
    if header is None:
        return False
    if not header.can_be_decoded:
        raise SlideError(f"{path}: JPEG 2000 whose colours have neither all nor half of the resolution cannot be decoded")
    return header.is_subsampled and compression == APERIO_RGB


def _jpeg2000_header(data: bytes) -> Jpeg2000Header | None:
    """Return the header of a frame; None if it is damaged, which concerns that frame alone."""
    try:
        return read_header(data)
    except FrameError:
        return None


def _first_bytes(page: Any) -> bytes:
    """Return the first bytes of the first frame that the file holds."""
    frames = zip(page.dataoffsets, page.databytecounts, strict=False)
    offset, size = next((frame for frame in frames if all(frame)), (0, 0))
    page.parent.filehandle.seek(offset)
    return bytes(page.parent.filehandle.read(min(size, _HEAD_BYTES)))
