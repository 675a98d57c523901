"""The sizes that a DICOM file declares, and where it says that its frames lie.

libdicom, through which OpenSlide 4.0.1 reads DICOM, ends the process when the table of frames points outside the file or
backwards. Read here is what such files are made of: little-endian elements (PS3.5, 7.1), sequences skipped unread.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cartopath.core.errors import SlideError
from cartopath.slides.declared.limits import check_sides, check_tile, tiles_needed

MAX_CELLS_PER_FRAME = 1000
"""A slide may leave out the frames of bare glass, but not nearly all of it."""

_SERIES, _FRAMES, _ROWS, _COLUMNS, _SAMPLES = 0x0020000E, 0x00280008, 0x00280010, 0x00280011, 0x00280002
_MATRIX_COLUMNS, _MATRIX_ROWS, _LONG_OFFSETS, _PIXELS = 0x00480006, 0x00480007, 0x7FE00001, 0x7FE00010
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_LONG_FORMS = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
_UNDEFINED = 0xFFFFFFFF
_MAX_DEPTH, _MAX_VALUE = 32, 1 << 26


@dataclass(frozen=True, slots=True)
class _Element:
    tag: int
    form: bytes
    length: int
    start: int


def is_dicom(head: bytes) -> bool:
    """Return whether a file that begins with these 132 bytes is DICOM."""
    return head[128:132] == b"DICM"


def series_of(file: BinaryIO, path: Path) -> bytes | None:
    """Return the unique identifier of the series that a DICOM file belongs to; None if it does not say.

    Raises:
        SlideError: Its elements are cut off or nested too deeply.
    """
    for element in _elements(file, path, 132, file.seek(0, 2)):
        if element.tag == _SERIES:
            return _value(file, element).rstrip(b"\0 ")
        if element.tag > _SERIES:
            break
    return None


def check_dicom(file: BinaryIO, path: Path, end: int) -> bytes:
    """Look at the sizes and at the table of frames.

    Args:
        file: The open file.
        path: For messages.
        end: Size of the file in bytes.

    Returns:
        The unique identifier of its series.

    Raises:
        SlideError: It is cut off, a size is impossible, or a frame lies outside the file.
    """
    values: dict[int, bytes] = {}
    for element in _elements(file, path, 132, end):
        if element.tag in (_SERIES, _FRAMES, _ROWS, _COLUMNS, _SAMPLES, _MATRIX_COLUMNS, _MATRIX_ROWS, _LONG_OFFSETS):
            values[element.tag] = _value(file, element)
        elif element.tag == _PIXELS:
            n_frames = _check_sizes(values, path, end)
            if element.length == _UNDEFINED:
                _check_frames(file, element, values.get(_LONG_OFFSETS, b""), n_frames, path, end)
            break
    return values.get(_SERIES, b"").rstrip(b"\0 ")


def _check_sizes(values: dict[int, bytes], path: Path, end: int) -> int:
    """Refuse impossible sizes; return the number of frames."""
    where = f"{path}: its DICOM header"
    rows, columns = (_number(values, tag, path) for tag in (_ROWS, _COLUMNS))
    across, down = (_number(values, tag, path) for tag in (_MATRIX_COLUMNS, _MATRIX_ROWS))
    n_frames = _number(values, _FRAMES, path)
    check_sides({"frame columns": columns, "frame rows": rows}, where)
    assert rows and columns
    check_tile(columns, rows, max(4, _number(values, _SAMPLES, path) or 1), where)
    n_frames = 1 if n_frames is None else n_frames
    if not 1 <= n_frames <= end:
        raise SlideError(f"{where} declares {n_frames:,} frames in a file of {end:,} bytes; it is damaged")
    if across is None and down is None:
        return n_frames
    check_sides({"image columns": across, "image rows": down}, where)
    assert across and down
    needed = tiles_needed((across, down), (columns, rows))
    if needed > MAX_CELLS_PER_FRAME * n_frames:
        raise SlideError(
            f"{where} declares {across:,} x {down:,} px in frames of {columns:,} x {rows:,} px, which takes {needed:,} frames, "
            f"but has {n_frames:,}; it is damaged"
        )
    return n_frames


def _check_frames(file: BinaryIO, pixels: _Element, long_offsets: bytes, n_frames: int, path: Path, end: int) -> None:
    """Refuse a table of frames that points to anything but items inside the file, one behind the other."""
    tag, length = _item(file, pixels.start, path)
    first = pixels.start + 8 + length
    if tag != _ITEM or first > end:
        raise SlideError(f"{path}: its DICOM frames do not begin with a table of offsets inside the file; it is damaged")
    table, form = (long_offsets, "<Q") if long_offsets else (file.read(length), "<I")
    size = struct.calcsize(form)
    if table and len(table) // size < n_frames:
        raise SlideError(f"{path}: its DICOM header declares {n_frames:,} frames, but its table has {len(table) // size:,}")
    free = first
    for number, (offset,) in enumerate(struct.iter_unpack(form, table[: len(table) // size * size])):
        start = first + offset
        tag, length = _item(file, start, path) if free <= start and start + 8 <= end else (0, 0)
        free = start + 8 + length
        if tag != _ITEM or free > end:
            raise SlideError(f"{path}: its table says DICOM frame {number} lies at byte {start:,} of {end:,}, but it does not")


def _elements(file: BinaryIO, path: Path, start: int, end: int) -> Iterator[_Element]:
    """Yield the elements of the outermost data set up to its pixels."""
    while start < end:
        element = _element(file, start, path)
        if element.length != _UNDEFINED and element.start + element.length > end:
            raise SlideError(f"{path}: its DICOM element {_name(element.tag)} is cut off at byte {end:,}")
        yield element
        if element.tag == _PIXELS:
            return
        start = _after(file, element, path, end, depth=0)


def _element(file: BinaryIO, start: int, path: Path) -> _Element:
    file.seek(start)
    head = file.read(12)
    if len(head) < 8:
        raise SlideError(f"{path}: cut off inside the DICOM element at byte {start:,}")
    group, number, form, length = struct.unpack_from("<HH2sH", head)
    tag = group << 16 | number
    if tag in (_ITEM, _ITEM_END, _SEQUENCE_END):
        return _Element(tag, b"", struct.unpack_from("<I", head, 4)[0], start + 8)
    if not (form.isalpha() and form.isupper()):
        raise SlideError(f"{path}: no DICOM element at byte {start:,}; the file is damaged, or not written with explicit types")
    if form in _LONG_FORMS:
        if len(head) < 12:
            raise SlideError(f"{path}: cut off inside the DICOM element at byte {start:,}")
        return _Element(tag, form, struct.unpack_from("<I", head, 8)[0], start + 12)
    return _Element(tag, form, length, start + 8)


def _after(file: BinaryIO, element: _Element, path: Path, end: int, *, depth: int) -> int:
    """Return where the element ends; one of undefined length is walked through."""
    if element.length != _UNDEFINED:
        return element.start + element.length
    if depth > _MAX_DEPTH:
        raise SlideError(f"{path}: its DICOM sequences are nested more than {_MAX_DEPTH} deep; the file is damaged")
    closing = _ITEM_END if element.tag == _ITEM else _SEQUENCE_END
    at = element.start
    while at < end:
        inner = _element(file, at, path)
        if inner.tag == closing:
            return inner.start
        at = _after(file, inner, path, end, depth=depth + 1)
    raise SlideError(f"{path}: its DICOM sequence {_name(element.tag)} has no end; the file is cut off")


def _item(file: BinaryIO, start: int, path: Path) -> tuple[int, int]:
    """Return tag and length of the item at an offset."""
    file.seek(start)
    head = file.read(8)
    if len(head) < 8:
        raise SlideError(f"{path}: cut off inside the DICOM frames at byte {start:,}")
    group, number, length = struct.unpack("<HHI", head)
    return group << 16 | number, length


def _value(file: BinaryIO, element: _Element) -> bytes:
    file.seek(element.start)
    return file.read(min(element.length, _MAX_VALUE))


def _number(values: dict[int, bytes], tag: int, path: Path) -> int | None:
    """Return a size: two or four bytes, or decimal digits; None if the file does not say."""
    raw = values.get(tag)
    if raw is None:
        return None
    if tag != _FRAMES and len(raw) in (2, 4):
        return int.from_bytes(raw, "little")
    text = raw.strip(b"\0 ")
    if tag == _FRAMES and text.isdigit() and len(text) <= 12:
        return int(text)
    raise SlideError(f"{path}: its DICOM element {_name(tag)} holds {raw[:16]!r}; expected one whole number")


def _name(tag: int) -> str:
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
