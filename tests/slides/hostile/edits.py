"""What a case may do to an intact slide, under the names that the YAML files use.

Each edit takes the slide's path and its argument, and returns the path that is opened in the end.
"""

from __future__ import annotations

import os
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

_GARBAGE = np.random.default_rng(1).bytes(1 << 16)
_SIZE_OF_TYPE = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 11: 4, 12: 8, 13: 4, 16: 8}


def truncate(path: Path, where: float) -> Path:
    """Cut off at a byte (whole number; from the end if negative) or at a share of the file (fraction)."""
    content = path.read_bytes()
    path.write_bytes(content[: where if isinstance(where, int) else round(where * len(content))])
    return path


def write(path: Path, what: dict[str, Any]) -> Path:
    """Write bytes `hex` at offset `at`."""
    content, new = bytearray(path.read_bytes()), bytes.fromhex(what["hex"])
    content[what["at"] : what["at"] + len(new)] = new
    path.write_bytes(content)
    return path


def text(path: Path, what: dict[str, str]) -> Path:
    """Put other words in the place of words, filled up with spaces to the same length."""
    content, old, new = path.read_bytes(), what["find"].encode(), what["put"].encode()
    assert old in content
    assert len(new) <= len(old)
    path.write_bytes(content.replace(old, new.ljust(len(old))))
    return path


def tag(path: Path, what: dict[str, Any]) -> Path:
    """Change `value`, `type` or `count` of the tag `name` of directory `page`, or of its SubIFD `sub`."""
    content = bytearray(path.read_bytes())
    order, is_big, at = _tag(path, what)
    kind, count = struct.unpack_from(order + ("HQ" if is_big else "HI"), content, at + 2)
    kind, count = what.get("type", kind), what.get("count", count)
    struct.pack_into(order + ("HQ" if is_big else "HI"), content, at + 2, kind, count)
    if "value" in what:
        field = at + (12 if is_big else 8)
        value = what["value"] if isinstance(what["value"], int) else len(content)
        struct.pack_into(order + {1: "B", 2: "H", 4: "I", 8: "Q"}[_SIZE_OF_TYPE.get(kind, 4)], content, field, value)
    path.write_bytes(content)
    return path


def rational(path: Path, what: dict[str, Any]) -> Path:
    """Give the rational tag `name` of directory `page` the value `over` / `under`."""
    with tifffile.TiffFile(path) as tiff:
        order, at = tiff.byteorder, tiff.pages[what.get("page", 0)].tags[what["name"]].valueoffset
    content = bytearray(path.read_bytes())
    struct.pack_into(order + "II", content, at, what["over"], what["under"])
    path.write_bytes(content)
    return path


def delete_tag(path: Path, what: dict[str, Any]) -> Path:
    """Rename a tag to a private number that nobody knows."""
    order, _, at = _tag(path, what)
    content = bytearray(path.read_bytes())
    struct.pack_into(order + "H", content, at, 65_000)
    path.write_bytes(content)
    return path


def duplicate_tag(path: Path, what: dict[str, Any]) -> Path:
    """Write the tag `name` over the tag `over`, with another `value`."""
    order, is_big, at = _tag(path, what)
    _, _, target = _tag(path, {**what, "name": what["over"]})
    size = 20 if is_big else 12
    content = bytearray(path.read_bytes())
    content[target : target + size] = content[at : at + size]
    struct.pack_into(order + "I", content, target + size - (8 if is_big else 4), what["value"])
    path.write_bytes(content)
    return path


def next_directory(path: Path, what: dict[str, Any]) -> Path:
    """Let the directory after `page` be the one of `to`, a number of a directory or `byte N`."""
    with tifffile.TiffFile(path) as tiff:
        page, order, is_big = tiff.pages[what["page"]], tiff.byteorder, tiff.is_bigtiff
        to = tiff.pages[what["to"]].offset if isinstance(what["to"], int) else int(what["to"].removeprefix("byte "))
        at = page.offset + (8 + 20 * len(page.tags) if is_big else 2 + 12 * len(page.tags))
    content = bytearray(path.read_bytes())
    struct.pack_into(order + ("Q" if is_big else "I"), content, at, to)
    path.write_bytes(content)
    return path


def first_directory(path: Path, at: int) -> Path:
    """Let the header of a classic TIFF point to a byte."""
    content = bytearray(path.read_bytes())
    struct.pack_into(("<" if content[:2] == b"II" else ">") + "I", content, 4, at)
    path.write_bytes(content)
    return path


def tile(path: Path, what: dict[str, Any]) -> Path:
    """Damage the frame `number` of directory `page`: `with` garbage, zeros, nothing, half, gigabytes, outside or giant, ..."""
    with tifffile.TiffFile(path) as tiff:
        page, order = tiff.pages[what.get("page", 0)], tiff.byteorder
        numbers = range(len(page.dataoffsets)) if what["number"] == "all" else [what["number"]]
        places = [(page.dataoffsets[number], page.databytecounts[number], number) for number in numbers]
        fields = [(page.tags[code].valueoffset, _SIZE_OF_TYPE[page.tags[code].dtype]) for code in (324, 325)]
    content = bytearray(path.read_bytes())

    def set_index(index: int, number: int, value: int) -> None:
        start, size = fields[index]
        struct.pack_into(order + {2: "H", 4: "I", 8: "Q"}[size], content, start + size * number, value)

    for start, size, number in places:
        match what["with"]:
            case "garbage":
                content[start : start + size] = _GARBAGE[:size]
            case "zeros":
                content[start : start + size] = bytes(size)
            case "garbage in the middle":
                content[start + size // 2 : start + size] = _GARBAGE[: size - size // 2]
            case "nothing":
                set_index(0, number, 0)
                set_index(1, number, 0)
            case "no bytes":
                set_index(1, number, 0)
            case "half":
                set_index(1, number, size // 2)
            case "gigabytes":
                set_index(1, number, 0xF0000000)
            case "outside":
                set_index(0, number, len(content) + 1000)
            case "giant":
                header = content.index(b"\xff\xc0", start, start + size)
                struct.pack_into(">HH", content, header + 5, 65_500, 65_500)
            case other:
                raise ValueError(other)
    path.write_bytes(content)
    return path


def dicom(path: Path, what: dict[str, Any]) -> Path:
    """Change elements of a DICOM header by keyword; None takes one out."""
    import pydicom

    data = pydicom.dcmread(path)
    for keyword, value in what.items():
        place = data.file_meta if keyword.startswith("MediaStorage") else data
        if value is None:
            delattr(place, keyword)
        else:
            setattr(place, keyword, value)
    data.save_as(path)
    return path


def frame_offset(path: Path, what: dict[str, int]) -> Path:
    """Change an offset in the table of a DICOM file's frames."""
    content = bytearray(path.read_bytes())
    table = content.rindex(b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff") + 12 + 8
    struct.pack_into("<I", content, table + 4 * what["number"], what["value"])
    path.write_bytes(content)
    return path


def dicom_frame(path: Path, number: int) -> Path:
    """Fill a frame of a DICOM file with garbage."""
    content = bytearray(path.read_bytes())
    starts = [match.start() for match in re.finditer(b"\xff\xd8\xff", bytes(content))]
    content[starts[number] : starts[number] + 300] = _GARBAGE[:300]
    path.write_bytes(content)
    return path


def png_size(path: Path, size: list[int]) -> Path:
    """Let a PNG declare another size, with the right checksum."""
    content = bytearray(path.read_bytes())
    struct.pack_into(">II", content, 16, *size)
    struct.pack_into(">I", content, 29, zlib.crc32(content[12:29]))
    path.write_bytes(content)
    return path


def jpeg_size(path: Path, size: list[int]) -> Path:
    """Let a JPEG declare another size."""
    content = bytearray(path.read_bytes())
    struct.pack_into(">HH", content, content.index(b"\xff\xc0") + 5, size[1], size[0])
    path.write_bytes(content)
    return path


def append(path: Path, what: str | int) -> Path:
    """Write words, or so many random bytes, behind the end."""
    path.write_bytes(path.read_bytes() + (what.encode() if isinstance(what, str) else _GARBAGE[:what]))
    return path


def replace(path: Path, what: str | int) -> Path:
    """Let the file hold words, or so many random bytes, and nothing else."""
    path.write_bytes(what.encode() if isinstance(what, str) else _GARBAGE[:what])
    return path


def rename(path: Path, name: str | dict[str, str]) -> Path:
    """Give the slide another name, as words or as `hex` bytes that are no UTF-8."""
    return path.rename(path.with_name(name if isinstance(name, str) else os.fsdecode(bytes.fromhex(name["hex"]))))


def symlink(path: Path, name: str) -> Path:
    """Reach the slide through a link in another folder."""
    link = path.parent / "links" / name
    link.parent.mkdir()
    link.symlink_to(path)
    return link


def dangling(path: Path, name: str) -> Path:
    (path.parent / name).symlink_to(path.parent / "gone.tif")
    return path.parent / name


def circular(path: Path, name: str) -> Path:
    one, other = path.parent / name, path.parent / "other"
    one.symlink_to(other)
    other.symlink_to(one)
    return one


def folder(path: Path, name: str) -> Path:
    (path.parent / name).mkdir()
    return path.parent / name


def fifo(path: Path, name: str) -> Path:
    os.mkfifo(path.parent / name)
    return path.parent / name


def lock(path: Path, mode: str) -> Path:
    path.chmod(int(mode, 8))
    return path


def missing(path: Path, name: str) -> Path:
    return path.with_name(name)


def neighbour(path: Path, what: dict[str, str]) -> Path:
    """Put a file with these words beside the slide."""
    (path.parent / what["name"]).write_text(what["text"], encoding="utf-8")
    return path


def inside(path: Path, what: dict[str, Any]) -> Path:
    """Do another edit to the file `file` of a slide of several files."""
    ((name, argument),) = ((key, value) for key, value in what.items() if key != "file")
    EDITS[name](path.parent / what["file"], argument)
    return path


def line(path: Path, what: dict[str, Any]) -> Path:
    """Give a key of a text of keys and values another value."""
    content = path.read_bytes()
    for key, value in what.items():
        content, n_found = re.subn(rf"\b{key} = [^\r\n]*".encode(), f"{key} = {value}".encode(), content)
        assert n_found == 1
    path.write_bytes(content)
    return path


def remove(path: Path, name: str) -> Path:
    """Take away a file of a slide of several files."""
    (path.parent / name).unlink()
    return path


def copy(path: Path, name: str) -> Path:
    """Put a copy beside the slide; the original stays the slide."""
    path.with_name(name).write_bytes(path.read_bytes())
    return path


EDITS: dict[str, Callable[[Path, Any], Path]] = {
    edit.__name__: edit
    for edit in (
        truncate, write, text, tag, rational, delete_tag, duplicate_tag, next_directory, first_directory, tile, dicom,
        frame_offset, dicom_frame, png_size, jpeg_size, append, replace, rename, symlink, dangling,
        circular, folder, fifo, lock, missing, neighbour, copy, inside, line, remove,
    )
}  # fmt: skip


def _tag(path: Path, what: dict[str, Any]) -> tuple[str, bool, int]:
    """Return byte order, whether it is BigTIFF, and where the entry of a tag lies."""
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[what.get("page", 0)]
        if "sub" in what:
            page = page.pages[what["sub"]]
        return tiff.byteorder, tiff.is_bigtiff, page.tags[what["name"]].offset
