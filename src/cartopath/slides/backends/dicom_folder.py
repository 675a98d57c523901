"""A folder of DICOM files as a slide: which of the files stands for it."""

from __future__ import annotations

from pathlib import Path

from cartopath.core.errors import SlideError

_WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
_SOP_CLASS, _SERIES, _IMAGE_TYPE, _COLUMNS = (0x0008, 0x0016), (0x0020, 0x000E), (0x0008, 0x0008), (0x0048, 0x0006)


def slide_in_folder(folder: Path) -> Path:
    """Return the file of the finest level of the one DICOM slide in a folder; a decoder finds the other levels beside it.

    Args:
        folder: The folder, for instance as GDC or IDC deliver a series.

    Raises:
        SlideError: It holds no DICOM slide, or several.
    """
    found: dict[str, list[tuple[int, str, Path]]] = {}
    for path in sorted(folder.glob("*")):
        about = _volume(path) if path.is_file() and path.suffix.lower() in (".dcm", "") else None
        if about is not None:
            found.setdefault(about[0], []).append((-about[1], path.name, path))
    if not found:
        raise SlideError(f"{folder}: a folder, not a slide file, and no DICOM slide is in it")
    if len(found) > 1:
        names = ", ".join(sorted(min(files)[1] for files in found.values())[:5])
        raise SlideError(f"{folder}: {len(found)} DICOM slides are in this folder ({names}); name one of these files instead")
    (files,) = found.values()
    return min(files)[2]


def _volume(path: Path) -> tuple[str, int] | None:
    """Return the series and the width of a level of a DICOM slide; None for any other file, labels and thumbnails included."""
    import pydicom
    from pydicom.errors import InvalidDicomError

    from cartopath.slides.backends.foreign_errors import STRUCTURE_ERRORS

    with path.open("rb") as file:
        if file.read(132)[128:] != b"DICM":
            return None
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=[_SOP_CLASS, _SERIES, _IMAGE_TYPE, _COLUMNS])
        kind, series, image_type, columns = (_raw(header, tag) for tag in (_SOP_CLASS, _SERIES, _IMAGE_TYPE, _COLUMNS))
    except InvalidDicomError:
        return None
    except STRUCTURE_ERRORS:
        return None
    if kind.decode("ascii", "replace") != _WHOLE_SLIDE or b"VOLUME" not in image_type:
        return None
    return series.decode("ascii", "replace"), int.from_bytes(columns[:4], "little")


def _raw(header: object, tag: tuple[int, int]) -> bytes:
    """Return a value as it is stored; converting it would warn of every breach of the standard."""
    element = header.get_item(tag)  # type: ignore[attr-defined]
    value = getattr(element, "value", b"")
    return value.strip(b"\0 ") if isinstance(value, bytes) and tag != _COLUMNS else value or b""
