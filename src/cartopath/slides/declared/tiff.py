"""The sizes that the directories of a TIFF declare: classic, BigTIFF and Hamamatsu's own, either byte order, SubIFDs included."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from cartopath.core.errors import SlideError
from cartopath.slides.declared.limits import MAX_TILE_BYTES, check_sides, check_tile, tiles_needed

MAX_DIRECTORIES = 4096
MAX_ENTRIES = 4096

_WIDTH, _LENGTH, _TILE_WIDTH, _TILE_LENGTH, _SAMPLES, _BITS, _COMPRESSION = 256, 257, 322, 323, 277, 258, 259
_SCALARS = {_WIDTH, _LENGTH, _TILE_WIDTH, _TILE_LENGTH, _SAMPLES, _COMPRESSION}
_NO_COMPRESSION = 1
_TILE_OFFSETS, _TILE_SIZES, _SUB_DIRECTORIES, _HAMAMATSU = 324, 325, 330, 65420
_INDEXES = {273: "strip offsets", 279: "strip sizes", _TILE_OFFSETS: "tile offsets", _TILE_SIZES: "tile sizes"}
_FAR_OUTSIDE = (1 << 63) - 1
_NUMBER_FORMATS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}


@dataclass(frozen=True, slots=True)
class TiffLayout:
    """How numbers and pointers of one TIFF file are written, and where its first directory lies."""

    order: str
    is_big: bool
    has_long_pointers: bool
    first: int

    @property
    def pointer(self) -> str:
        """Format of an offset of a directory."""
        return self.order + ("Q" if self.has_long_pointers else "I")

    @property
    def count(self) -> str:
        """Format of the number of entries of a directory."""
        return self.order + ("Q" if self.is_big else "H")

    @property
    def entry(self) -> str:
        """Format of an entry: tag, type, count, value."""
        return self.order + ("HHQ8s" if self.is_big else "HHI4s")


@dataclass(slots=True)
class _Directory:
    """What matters of one directory."""

    tags: dict[int, int] = field(default_factory=dict)
    counts: dict[int, int] = field(default_factory=dict)
    frame_bytes: list[int] = field(default_factory=list)
    children: list[int] = field(default_factory=list)
    following: int = 0


def tiff_layout(file: BinaryIO, head: bytes, end: int) -> TiffLayout | None:
    """Return how a TIFF is written; None if the file is no TIFF.

    Args:
        file: The open file.
        head: Its first bytes.
        end: Its size in bytes.
    """
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 8:
        return None
    (version,) = struct.unpack_from(order + "H", head, 2)
    if version == 43:
        (first,) = struct.unpack_from(order + "Q", head, 8) if len(head) >= 16 else (end,)
        return TiffLayout(order, is_big=True, has_long_pointers=True, first=first)
    if version != 42:
        return None
    if len(head) >= 12 and order == "<":  # Hamamatsu writes classic TIFF with directory pointers of eight bytes
        (first,) = struct.unpack_from("<Q", head, 4)
        hamamatsu = TiffLayout(order, is_big=False, has_long_pointers=True, first=first)
        if _has_tag(file, hamamatsu, _HAMAMATSU, end):
            return hamamatsu
    (first,) = struct.unpack_from(order + "I", head, 4)
    return TiffLayout(order, is_big=False, has_long_pointers=False, first=first)


def check_tiff(file: BinaryIO, layout: TiffLayout, path: Path, end: int, *, frames: bool) -> None:
    """Look at every directory of a TIFF.

    Args:
        file: The open file.
        layout: From `tiff_layout`.
        path: For messages.
        end: Size of the file in bytes.
        frames: Look at the size of each compressed tile, too.

    Raises:
        SlideError: It is cut off, its directories form a loop, a size is impossible, or there are too few tiles.
    """
    for number, directory in enumerate(_directories(file, layout, path, end, frames=frames)):
        where = f"{path}: TIFF directory {number}"
        _check_directory(directory, where)
        _check_frames(directory, where, end)


def _check_frames(directory: _Directory, where: str, end: int) -> None:
    """Refuse tiles of more bytes than the file has or a decoder should allocate, and bare pixels that are too few."""
    largest = max(directory.frame_bytes, default=0)
    if largest > min(end, MAX_TILE_BYTES):
        raise SlideError(f"{where} declares a tile of {largest:,} bytes in a file of {end:,} bytes; it is damaged")
    tags, is_bare = directory.tags, directory.tags.get(_COMPRESSION, _NO_COMPRESSION) == _NO_COMPRESSION
    if directory.frame_bytes and _TILE_WIDTH in tags and is_bare and tags.get(_BITS, 1) >= 8:
        needed = tags[_TILE_WIDTH] * tags[_TILE_LENGTH] * tags[_BITS] // 8
        smallest = min((size for size in directory.frame_bytes if size), default=needed)
        if smallest < needed:
            raise SlideError(f"{where} declares an uncompressed tile of {smallest:,} bytes; it needs {needed:,}; it is damaged")


def _check_directory(directory: _Directory, where: str) -> None:
    tags = directory.tags
    width, length = tags.get(_WIDTH), tags.get(_LENGTH)
    check_sides({"image width": width, "image length": length}, where)
    if _TILE_WIDTH not in tags and _TILE_LENGTH not in tags:
        return
    tile_width, tile_length = tags.get(_TILE_WIDTH), tags.get(_TILE_LENGTH)
    check_sides({"tile width": tile_width, "tile length": tile_length}, where)
    assert width and length and tile_width and tile_length
    check_tile(tile_width, tile_length, tags.get(_SAMPLES, 1) * -(-tags.get(_BITS, 1) // 8), where)
    needed = tiles_needed((width, length), (tile_width, tile_length))
    for tag in (_TILE_OFFSETS, _TILE_SIZES):
        found = directory.counts.get(tag, 0)
        if found < needed:
            raise SlideError(
                f"{where} declares {width:,} x {length:,} px in tiles of {tile_width:,} x {tile_length:,} px, which takes "
                f"{needed:,} tiles, but has {found:,} {_INDEXES[tag]}; the file is damaged"
            )


def _directories(file: BinaryIO, layout: TiffLayout, path: Path, end: int, *, frames: bool) -> Iterator[_Directory]:
    """Yield the directories of the main chain, then those of SubIFDs, which can be chained to each other as well."""
    chains, seen = deque([layout.first]), set[int]()
    while chains:
        offset, chain = chains.popleft(), set[int]()
        while offset and (offset in chain or offset not in seen):
            if offset in chain or len(seen) >= MAX_DIRECTORIES:
                raise SlideError(f"{path}: its TIFF directories form a loop at byte {offset:,}; the file is damaged")
            if offset >= end:
                raise SlideError(f"{path}: TIFF directory {len(seen)} lies at byte {offset:,} of {end:,}; the file is cut off")
            chain.add(offset)
            seen.add(offset)
            directory = _directory(file, path, offset, layout, end, frames=frames)
            yield directory
            chains += directory.children
            offset = directory.following


def _directory(file: BinaryIO, path: Path, offset: int, layout: TiffLayout, end: int, *, frames: bool) -> _Directory:
    where = f"{path}: the TIFF directory at byte {offset:,}"
    file.seek(offset)
    (n_entries,) = _unpack(layout.count, file.read(struct.calcsize(layout.count)), where)
    if not 1 <= n_entries <= MAX_ENTRIES:
        raise SlideError(f"{where} declares {n_entries:,} entries; the file is damaged")
    size = struct.calcsize(layout.entry)
    entries = file.read(size * n_entries)
    pointer = file.read(struct.calcsize(layout.pointer))
    if len(entries) < size * n_entries:
        raise SlideError(f"{where} is cut off")
    found = _Directory(following=_unpack(layout.pointer, pointer, where)[0])
    for tag, kind, count, raw in struct.iter_unpack(layout.entry, entries):
        if tag in _SCALARS:
            value = _scalar(kind, count, raw, layout, where)
            found.tags[tag] = max(found.tags.get(tag, 0), value)
        elif tag in _INDEXES:
            if count > end:
                raise SlideError(f"{where} declares {count:,} {_INDEXES[tag]} in a file of {end:,} bytes; it is damaged")
            found.counts[tag] = min(found.counts.get(tag, count), count)
            if frames and tag == _TILE_SIZES:
                found.frame_bytes += _numbers(file, kind, count, raw, layout, where)
        elif tag == _BITS:
            found.tags[tag] = max(_numbers(file, kind, min(count, MAX_ENTRIES), raw, layout, where), default=1)
        elif tag == _SUB_DIRECTORIES:
            if count > MAX_DIRECTORIES:
                raise SlideError(f"{where} declares {count:,} directories below it; it is damaged")
            found.children = _numbers(file, kind, count, raw, layout, where)
    return found


def _has_tag(file: BinaryIO, layout: TiffLayout, wanted: int, end: int) -> bool:
    """Return whether the first directory, if there is one where the layout says, has a tag."""
    if not 8 <= layout.first < end:
        return False
    file.seek(layout.first)
    raw = file.read(2)
    if len(raw) < 2:
        return False
    entries = file.read(12 * min(MAX_ENTRIES, struct.unpack("<H", raw)[0]))
    return any(tag == wanted for tag, _, _, _ in struct.iter_unpack(layout.entry, entries[: len(entries) // 12 * 12]))


def _scalar(kind: int, count: int, raw: bytes, layout: TiffLayout, where: str) -> int:
    form = layout.order + _NUMBER_FORMATS.get(kind, "")
    if count != 1 or kind not in _NUMBER_FORMATS or struct.calcsize(form) > len(raw):
        raise SlideError(f"{where} declares a size as {count:,} values of type {kind}; expected one whole number")
    return int(struct.unpack_from(form, raw)[0])


def _numbers(file: BinaryIO, kind: int, count: int, raw: bytes, layout: TiffLayout, where: str) -> list[int]:
    """Return the whole numbers of an entry, which lie in the entry itself or where it points."""
    if kind not in _NUMBER_FORMATS:
        raise SlideError(f"{where} declares a size or an offset as values of type {kind}; expected whole numbers")
    form = f"{layout.order}{count}{_NUMBER_FORMATS[kind]}"
    if struct.calcsize(form) > len(raw):
        (offset,) = struct.unpack(layout.order + ("Q" if layout.is_big else "I"), raw)
        file.seek(min(offset, _FAR_OUTSIDE))
        raw = file.read(struct.calcsize(form))
    return list(_unpack(form, raw, where))


def _unpack(form: str, raw: bytes, where: str) -> tuple[int, ...]:
    if len(raw) < struct.calcsize(form):
        raise SlideError(f"{where} is cut off")
    return struct.unpack_from(form, raw)
