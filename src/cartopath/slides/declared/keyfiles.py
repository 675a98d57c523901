"""The counts that text files beside or instead of pixels declare: Slidedat.ini of MIRAX, and Hamamatsu's VMS and VMU.

OpenSlide 4.0.1 allocates lists by these counts and ends the process when it cannot.
"""

from __future__ import annotations

import re
from pathlib import Path

from cartopath.core.errors import SlideError
from cartopath.slides.declared.limits import check_sides, check_tile

MAX_TEXT_BYTES = 16 << 20
MAX_LIST = 100_000
"""Files, levels or layers that a slide may consist of."""
MAX_POSITIONS = 1 << 26
"""Positions of the camera; a slide of 10 cm has half a million."""

_LONGEST_NUMBER = 30
_LINE = re.compile(rb"^[ \t]*([A-Za-z0-9_]+)[ \t]*=[ \t]*([+-]?[0-9]+)[ \t\r]*$", re.MULTILINE)
_LISTS = re.compile(r"(FILE|HIER|NONHIER)_COUNT|(NON)?HIER_[0-9]+_COUNT|NoJpegColumns|NoJpegRows|NoLayers")
_HAMAMATSU = (b"[Virtual Microscope Specimen]", b"[Uncompressed Virtual Microscope Specimen]")


def check_mirax(path: Path) -> None:
    """Look at the counts of a MIRAX slide.

    Args:
        path: The `.mrxs` file; Slidedat.ini lies in the folder of the same name.

    Raises:
        SlideError: A count or a size is impossible.
    """
    text_path = path.with_suffix("") / "Slidedat.ini"
    if not text_path.is_file():
        return
    where = f"{path}: its Slidedat.ini"
    numbers = _numbers(text_path, where)
    _check_lists(numbers, where)
    across, down = _largest(numbers, "IMAGENUMBER_X"), _largest(numbers, "IMAGENUMBER_Y")
    if across * down > MAX_POSITIONS or min(*numbers.get("IMAGENUMBER_X", [1]), *numbers.get("IMAGENUMBER_Y", [1]), 1) < 1:
        raise SlideError(f"{where} declares {across:,} x {down:,} images; up to {MAX_POSITIONS:,} are read; it is damaged")
    for divisions in numbers.get("CameraImageDivisionsPerSide", [1]):  # OpenSlide looks beyond its list of positions otherwise
        if divisions < 1 or across % divisions or down % divisions:
            raise SlideError(f"{where} divides {across:,} x {down:,} images into groups of {divisions:,} a side; it is damaged")
    widths, heights = numbers.get("DIGITIZER_WIDTH", [1]), numbers.get("DIGITIZER_HEIGHT", [1])
    for side in (*widths, *heights):
        check_sides({"side of an image": side}, where)
    check_tile(max(widths), max(heights), 4, where)
    for overlap in (*numbers.get("OVERLAP_X", []), *numbers.get("OVERLAP_Y", [])):
        if abs(overlap) > max(*widths, *heights):
            raise SlideError(f"{where} declares that images overlap by {overlap:,} px; they have {max(*widths, *heights):,}")
    check_sides({"width": across * max(widths), "height": down * max(heights)}, where)


def check_hamamatsu(path: Path, head: bytes) -> None:
    """Look at the counts of a VMS or VMU file; any other file passes.

    Args:
        path: The file.
        head: Its first bytes.

    Raises:
        SlideError: A count is impossible.
    """
    if head.startswith(_HAMAMATSU):
        _check_lists(_numbers(path, str(path)), f"{path}:")


def _check_lists(numbers: dict[str, list[int]], where: str) -> None:
    total = _largest(numbers, "NoJpegColumns") * _largest(numbers, "NoJpegRows") * _largest(numbers, "NoLayers")
    counts = {key: max(found, key=abs) for key, found in numbers.items() if _LISTS.fullmatch(key)} | {"all files": total}
    for key, count in counts.items():
        if not 0 <= count <= MAX_LIST:
            raise SlideError(f"{where} declares {key} = {count:,}; expected 0 to {MAX_LIST:,}; it is damaged")


def _numbers(path: Path, where: str) -> dict[str, list[int]]:
    """Return the whole numbers of a text file of keys and values, all that stand under one key together."""
    with path.open("rb") as file:
        text = file.read(MAX_TEXT_BYTES + 1)
    if len(text) > MAX_TEXT_BYTES:
        raise SlideError(f"{where} has more than {MAX_TEXT_BYTES >> 20} MiB; it is no list of keys and values")
    found: dict[str, list[int]] = {}
    for key, value in _LINE.findall(text.replace(b"\r", b"\n")):
        found.setdefault(key.decode(), []).append(int(value[:_LONGEST_NUMBER]))
    return found


def _largest(numbers: dict[str, list[int]], key: str) -> int:
    return max(numbers.get(key, [1]))
