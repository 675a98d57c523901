"""Seeded damage: what bit rot, torn copies and ill will do to the bytes of a slide."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Mapping

import numpy as np

NUMBERS = (0, 1, 2, 3, 7, 63, 65, 127, 255, 256, 4096, 32_767, 65_535, 1 << 20, 2**31 - 1, 1 << 31, 2**32 - 1, 2**63 - 1)
_LONGEST_BLOCK = 256
_HEAD = 1500


def mutated(seed: int, bases: Mapping[str, bytes]) -> tuple[str, bytes]:
    """Return which base the seed damages and what is left of it.

    Args:
        seed: Every seed is one mutation; the same seed always gives the same bytes.
        bases: Intact files by name.
    """
    rng = np.random.default_rng(seed)
    names = sorted(bases)
    name = names[seed % len(names)]
    content = bytearray(bases[name])
    donor = bases[names[int(rng.integers(len(names)))]]
    where = _structure(bytes(content))
    for _ in range((1, 1, 1, 2, 3)[int(rng.integers(5))]):
        if content:
            _DAMAGES[int(rng.integers(len(_DAMAGES)))](content, rng, where, donor)
    return name, bytes(content)


def _structure(content: bytes) -> list[int]:
    """Return the offsets of those bytes that say how the others are to be read."""
    if content[:4] in (b"II*\0", b"II+\0", b"MM\0*", b"MM\0+"):
        return [offset for start, end in _tiff_directories(content) for offset in range(start, end)] + list(range(16))
    found = list(range(min(_HEAD, len(content))))
    if content[:2] == b"\xff\xd8":
        frame = content.index(b"\xff\xc0")
        found += 20 * list(range(frame, frame + 19))
    return found


def _tiff_directories(content: bytes) -> list[tuple[int, int]]:
    """Return where the directories lie, those of SubIFDs included."""
    order = "<" if content[:2] == b"II" else ">"
    is_big = content[2:4] in (b"+\0", b"\0+")
    pointer, count, entry = (order + form for form in (("Q", "Q", "HHQQ") if is_big else ("I", "H", "HHII")))
    todo, found = [struct.unpack_from(pointer, content, 8 if is_big else 4)[0]], []
    while todo:
        start = todo.pop()
        if not start:
            continue
        (n_entries,) = struct.unpack_from(count, content, start)
        first = start + struct.calcsize(count)
        end = first + n_entries * struct.calcsize(entry)
        found.append((start, end + struct.calcsize(pointer)))
        todo.append(struct.unpack_from(pointer, content, end)[0])
        for tag, _, n, value in struct.iter_unpack(entry, content[first:end]):
            if tag == 330:
                todo += [value] if n == 1 else struct.unpack_from(f"{order}{n}{'Q' if is_big else 'I'}", content, value)
    return found


Damage = Callable[[bytearray, np.random.Generator, list[int], bytes], None]


def _position(content: bytearray, rng: np.random.Generator, where: list[int]) -> int:
    """Return a random offset, two times in three one that matters."""
    offset = int(rng.choice(where)) if where and rng.random() < 2 / 3 else int(rng.integers(len(content)))
    return min(offset, len(content) - 1)


def _flip(content: bytearray, rng: np.random.Generator, where: list[int], donor: bytes) -> None:
    for _ in range(int(rng.integers(1, 9))):
        content[_position(content, rng, where)] ^= 1 << int(rng.integers(8))


def _number(content: bytearray, rng: np.random.Generator, where: list[int], donor: bytes) -> None:
    size = int(rng.choice([1, 2, 4, 8]))
    value = NUMBERS[int(rng.integers(len(NUMBERS)))] if rng.random() < 0.8 else int(rng.integers(2 * len(content)))
    start = _position(content, rng, where)
    if rng.random() < 0.5:
        start &= ~1  # where numbers begin
    written = (value % (1 << 8 * size)).to_bytes(size, "little" if rng.random() < 0.7 else "big")
    content[start : start + size] = written[: len(content) - start]


def _block(content: bytearray, rng: np.random.Generator, where: list[int], donor: bytes) -> None:
    start, size = _position(content, rng, where), int(rng.integers(1, _LONGEST_BLOCK))
    filling = (bytes(size), b"\xff" * size, rng.bytes(size))[int(rng.integers(3))]
    content[start : start + size] = filling[: len(content) - start]


def _truncate(content: bytearray, rng: np.random.Generator, where: list[int], donor: bytes) -> None:
    del content[_position(content, rng, where) :]


def _splice(content: bytearray, rng: np.random.Generator, where: list[int], donor: bytes) -> None:
    """Copy a piece of this file, or of another, over or between the bytes."""
    source = donor if rng.random() < 0.3 else bytes(content)
    begin = int(rng.integers(len(source)))
    piece = source[begin : begin + int(rng.integers(1, 8 * _LONGEST_BLOCK))]
    start = _position(content, rng, where)
    content[start : start + (len(piece) if rng.random() < 0.7 else 0)] = piece


def _tag(content: bytearray, rng: np.random.Generator, where: list[int], donor: bytes) -> None:
    """Change one field of one TIFF tag, the size in a PNG's header (with its checksum), or a number of another file or text."""
    if content[:3] == b"\xef\xbb\xbf" and (digits := list(re.finditer(rb"\d+", bytes(content)))):
        start, end = digits[int(rng.integers(len(digits)))].span()
        content[start:end] = str(NUMBERS[int(rng.integers(len(NUMBERS)))] * int(rng.choice([1, 1, -1]))).encode()
        return
    if content[:4] == b"\x89PNG" and len(content) > 33:
        struct.pack_into(">I", content, int(rng.choice([16, 20])), NUMBERS[int(rng.integers(len(NUMBERS) - 1))])
        struct.pack_into(">I", content, 29, zlib.crc32(content[12:29]))
        return
    try:
        directories = _tiff_directories(bytes(content)) if content[:4] in (b"II*\0", b"MM\0*") else []
    except (struct.error, MemoryError, IndexError, OverflowError):
        directories = []
    if not directories or len(directories) > 100:
        return _number(content, rng, where, donor)
    start, end = directories[int(rng.integers(len(directories)))]
    n_entries = max(1, (end - start - 6) // 12)
    entry = start + 2 + 12 * int(rng.integers(n_entries))
    order = "<" if content[:2] == b"II" else ">"
    field, form, bits = ((0, "H", 16), (2, "H", 16), (4, "I", 32), (8, "I", 32))[int(rng.integers(4))]
    value = NUMBERS[int(rng.integers(len(NUMBERS)))] if rng.random() < 0.7 else int(rng.integers(330))
    if entry + 12 <= len(content):
        struct.pack_into(order + form, content, entry + field, value % (1 << bits))
    return None


_DAMAGES: tuple[Damage, ...] = (_flip, _number, _number, _block, _truncate, _splice, _tag, _tag)
