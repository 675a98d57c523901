"""DICOM slides: a series of files, one per level, is one slide.

Only headers are read. Labels, overviews and thumbnails of a series, which can carry a patient's name, are never a slide.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cartopath.core.locations import is_remote

_WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
"""SOP class of whole-slide microscopy."""

_NOT_PIXELS = {"LABEL", "OVERVIEW", "THUMBNAIL"}
_TAGS = (
    *("SOPClassUID", "SeriesInstanceUID", "ImageType", "TotalPixelMatrixColumns", "TotalPixelMatrixRows"),
    "ContainerIdentifier",
)

_DAMAGE = (
    *(OSError, EOFError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, NotImplementedError),
    *(RecursionError, struct.error, zlib.error),
)
"""What a damaged header makes pydicom raise."""


@dataclass(frozen=True)
class DicomSlide:
    """One slide out of DICOM files.

    Attributes:
        path: The file to open: the level with most pixels.
        names: What else the slide may be called: the names of the other files, and of the folder where it is alone in it.
        container: The identifier of the glass slide, or "".
        exclude: Why it is no slide, or "".
    """

    path: Path
    names: tuple[str, ...] = ()
    container: str = ""
    exclude: str = ""


@dataclass(frozen=True)
class _Instance:
    path: Path
    series: str
    kinds: frozenset[str]
    n_pixels: int
    container: str


def dicom_slides(paths: Iterable[Path]) -> list[DicomSlide]:
    """Group DICOM files into slides by folder and series.

    Files that cannot be read as whole-slide DICOM are slides of their own, so that opening them says what is wrong.
    """
    series: dict[tuple[Path, str], list[_Instance]] = defaultdict(list)
    folders: dict[Path, set[str]] = defaultdict(set)
    slides = []
    for path in sorted(paths):
        instance = _read(path)
        folders[path.parent].add(str(path) if instance is None else instance.series)
        if instance is None:
            slides.append(DicomSlide(path))
        else:
            series[(path.parent, instance.series)].append(instance)
    for (folder, _), instances in series.items():
        slides.append(_slide(instances, folder if len(folders[folder]) == 1 else None))
    return sorted(slides, key=lambda slide: slide.path)


def _read(path: Path) -> _Instance | None:
    import pydicom
    from pydicom.errors import InvalidDicomError

    if is_remote(path):
        return None  # Not read there: opening it as a slide says so.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Values that are longer than the standard allows are common and harmless.
            header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(_TAGS))
            if str(header.get("SOPClassUID", "")) != _WHOLE_SLIDE or not header.get("SeriesInstanceUID"):
                return None
            kinds = header.get("ImageType") or ()
            return _Instance(
                path=path,
                series=str(header.SeriesInstanceUID),
                kinds=frozenset([kinds] if isinstance(kinds, str) else map(str, kinds)),
                n_pixels=int(header.get("TotalPixelMatrixColumns") or 0) * int(header.get("TotalPixelMatrixRows") or 0),
                container=str(header.get("ContainerIdentifier") or "").strip(),
            )
    except (InvalidDicomError, *_DAMAGE):
        return None  # Damaged: opening it as a slide gives the message.


def _slide(instances: list[_Instance], folder: Path | None) -> DicomSlide:
    levels = [instance for instance in instances if not instance.kinds & _NOT_PIXELS]
    if not levels:
        kinds = sorted({kind.lower() for instance in instances for kind in instance.kinds & _NOT_PIXELS})
        return DicomSlide(instances[0].path, exclude=f"a DICOM series without a level: only {' and '.join(kinds)}")
    first = max(levels, key=lambda level: level.n_pixels)  # Of equals the first by name.
    names = tuple(instance.path.name for instance in levels if instance is not first)
    return DicomSlide(first.path, (*names, *([] if folder is None else [folder.name])), first.container)
