"""A look at the sizes that a TIFF declares, before any library allocates memory for them.

OpenSlide 4.0.1 allocates a tile of the declared size and ends the whole process, uncatchably, when it cannot. Only the few
numbers that matter are read here, nothing is decoded; files that are not TIFF pass.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cartopath.core.errors import SlideError

MAX_SIDE_PX = 2_000_000
"""More than any scanner writes: at 0.1 um/px this is 20 cm."""
MAX_TILE_PX = 1 << 26
"""8192 x 8192 pixels in one compressed tile: 256 MiB when decoded. Scanners write 240 to 4096 pixels."""
MAX_DIRECTORIES = 4096
MAX_ENTRIES = 4096

_WIDTH, _LENGTH, _TILE_WIDTH, _TILE_LENGTH = 256, 257, 322, 323
_SCALARS = {_WIDTH, _LENGTH, _TILE_WIDTH, _TILE_LENGTH}
_INDEXES = {273: "strip offsets", 279: "strip sizes", 324: "tile offsets", 325: "tile sizes"}
_NUMBER_FORMATS = {1: "B", 3: "H", 4: "I", 16: "Q"}


@dataclass(frozen=True, slots=True)
class _Layout:
    """How numbers and pointers of one TIFF file are written."""

    order: str
    is_big: bool
    has_long_pointers: bool

    @property
    def pointer(self) -> str:
        return self.order + ("Q" if self.has_long_pointers else "I")

    @property
    def count(self) -> str:
        return self.order + ("Q" if self.is_big else "H")

    @property
    def entry(self) -> str:
        return self.order + ("HHQ8s" if self.is_big else "HHI4s")


def check_declared_sizes(path: Path) -> None:
    """Refuse a TIFF whose directories declare impossible sizes; any other file passes.

    Args:
        path: The file.

    Raises:
        SlideError: It cannot be read, it is cut off, its directories form a loop, or an image or tile has an impossible size.
    """
    try:
        with path.open("rb") as file:
            end = file.seek(0, 2)
            for number, tags in enumerate(_directories(file, path, end)):
                _check_directory(tags, path, number)
    except SlideError:
        raise
    except OSError as error:
        raise SlideError(f"{path}: cannot be read ({error.strerror or error})") from error


def _check_directory(tags: dict[int, int], path: Path, number: int) -> None:
    sides = {"image width": tags.get(_WIDTH), "image length": tags.get(_LENGTH)}
    if _TILE_WIDTH in tags or _TILE_LENGTH in tags:
        sides |= {"tile width": tags.get(_TILE_WIDTH), "tile length": tags.get(_TILE_LENGTH)}
    for name, side in sides.items():
        if side is None or not 1 <= side <= MAX_SIDE_PX:
            found = "none" if side is None else f"{side:,}"
            raise SlideError(f"{path}: TIFF directory {number} declares {name} {found}; expected 1 to {MAX_SIDE_PX:,}")
    tile_px = tags.get(_TILE_WIDTH, 0) * tags.get(_TILE_LENGTH, 0)
    if tile_px > MAX_TILE_PX:
        raise SlideError(
            f"{path}: TIFF directory {number} declares tiles of {tags[_TILE_WIDTH]:,} x {tags[_TILE_LENGTH]:,} px; "
            f"more than {MAX_TILE_PX:,} px in one tile is refused; the file is damaged or not a slide"
        )


def _directories(file: BinaryIO, path: Path, end: int) -> Iterator[dict[int, int]]:
    """Yield the scalar tags that matter of each directory of the main chain."""
    file.seek(0)
    head = file.read(16)
    layout = _layout(head, path)
    if layout is None:
        return
    start = 8 if layout.is_big else 4
    (offset,) = _unpack(layout.pointer, head[start:], path, "its header")
    seen: set[int] = set()
    while offset:
        if offset in seen or len(seen) >= MAX_DIRECTORIES:
            raise SlideError(f"{path}: its TIFF directories form a loop at byte {offset:,}; the file is damaged")
        seen.add(offset)
        if offset >= end:
            raise SlideError(f"{path}: TIFF directory {len(seen) - 1} lies at byte {offset:,} of {end:,}; the file is cut off")
        tags, offset = _directory(file, path, offset, layout, end)
        yield tags


def _layout(head: bytes, path: Path) -> _Layout | None:
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 4:
        return None
    (version,) = struct.unpack(order + "H", head[2:4])
    if version not in (42, 43):
        return None
    is_big = version == 43
    # Hamamatsu writes classic TIFF with eight-byte directory pointers.
    return _Layout(order, is_big, is_big or path.suffix.lower() == ".ndpi")


def _directory(file: BinaryIO, path: Path, offset: int, layout: _Layout, end: int) -> tuple[dict[int, int], int]:
    """Return the tags that matter of the directory at `offset` and the offset of the next."""
    where = f"the TIFF directory at byte {offset:,}"
    file.seek(offset)
    (n_entries,) = _unpack(layout.count, file.read(8 if layout.is_big else 2), path, where)
    if not 1 <= n_entries <= MAX_ENTRIES:
        raise SlideError(f"{path}: {where} declares {n_entries:,} entries; the file is damaged")
    size = struct.calcsize(layout.entry)
    entries = file.read(size * n_entries)
    if len(entries) < size * n_entries:
        raise SlideError(f"{path}: cut off inside {where}")
    tags: dict[int, int] = {}
    for tag, kind, count, raw in struct.iter_unpack(layout.entry, entries):
        if tag in _SCALARS:
            tags[tag] = max(tags.get(tag, 0), _scalar(kind, count, raw, layout, path, where))
        elif tag in _INDEXES and count > end:
            raise SlideError(f"{path}: {where} declares {count:,} {_INDEXES[tag]} in a file of {end:,} bytes; it is damaged")
    pointer = file.read(struct.calcsize(layout.pointer))
    (following,) = _unpack(layout.pointer, pointer, path, where)
    return tags, following


def _scalar(kind: int, count: int, raw: bytes, layout: _Layout, path: Path, where: str) -> int:
    form = layout.order + _NUMBER_FORMATS.get(kind, "")
    if count != 1 or kind not in _NUMBER_FORMATS or struct.calcsize(form) > len(raw):
        raise SlideError(f"{path}: {where} declares a size as {count:,} values of type {kind}; expected one whole number")
    (value,) = struct.unpack_from(form, raw)
    return int(value)


def _unpack(form: str, raw: bytes, path: Path, where: str) -> tuple[int, ...]:
    if len(raw) < struct.calcsize(form):
        raise SlideError(f"{path}: cut off inside {where}")
    return struct.unpack_from(form, raw)
