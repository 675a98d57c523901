"""A label that can be found again: two colours in a pattern, and words, in whatever file they end up."""

from __future__ import annotations

import base64
import io
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile
from numpy.typing import NDArray
from PIL import Image

WORDS = "SENTINEL-PATIENT-Xylophila-Quandt-19430217"
COLOURS = ((13, 241, 77), (251, 7, 199))
"""Far from stains, glass, pens and every colour map of the report."""
_TOLERANCE = 12


def sentinel_label(height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    """Return a picture whose halves are the two colours, large enough to survive shrinking: uint8 (height, width, 3)."""
    label = np.empty((height, width, 3), np.uint8)
    label[:, : width // 2], label[:, width // 2 :] = COLOURS
    return label


def sentinels_in(folder: Path) -> list[str]:
    """Return where below a folder words or colours of the label are, decoding whatever can be decoded."""
    found = []
    for path in sorted(folder.rglob("*")):
        if WORDS in str(path):
            found.append(f"{path}: in its name")
        if path.is_file():
            found += [f"{path}: {what}" for what in _in_file(path)]
    return found


def _in_file(path: Path) -> Iterator[str]:
    content = path.read_bytes()
    if any(WORDS.encode(encoding) in content for encoding in ("utf-8", "utf-16-le", "utf-16-be")):
        yield "words"
    if any(_has_colours(_as_pixels(content[start:])) for start in range(3)):
        yield "bare pixels"  # as in NPY files
    if path.suffix == ".parquet":
        if WORDS in pd.read_parquet(path).to_csv() + str(_parquet_metadata(path)):
            yield "words in a table"
    elif path.suffix == ".html":
        for number, embedded in enumerate(re.findall(rb"base64,([A-Za-z0-9+/=]+)", content)):
            raw = base64.b64decode(embedded)
            if WORDS.encode() in raw or _picture_has_colours(raw):
                yield f"embedded object {number}"
    elif path.suffix in (".tif", ".tiff"):
        with tifffile.TiffFile(path) as tiff:
            for number, page in enumerate(tiff.pages):
                pixels = page.asarray()
                if pixels.dtype == np.uint8 and pixels.shape[-1] == 3 and _has_colours(pixels.reshape(-1, 3)):
                    yield f"pixels of page {number}"
    elif path.suffix in (".png", ".jpg", ".jpeg", ".webp") and _picture_has_colours(content):
        yield "pixels"
    for match in re.finditer(rb"\x78[\x01\x9c\xda]", content):  # anything that zlib packed, such as PNG text and PDF streams
        unpacked = _unpacked(content[match.start() :])
        if WORDS.encode() in unpacked:
            yield f"words in what was packed at byte {match.start()}"


def _parquet_metadata(path: Path) -> object:
    import pyarrow.parquet

    return pyarrow.parquet.read_schema(path).metadata


def _picture_has_colours(content: bytes) -> bool:
    try:
        with Image.open(io.BytesIO(content)) as image:
            return _has_colours(np.asarray(image.convert("RGB")).reshape(-1, 3))
    except OSError:
        return False  # a font, for instance


def _as_pixels(content: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(content[: len(content) // 3 * 3], np.uint8).reshape(-1, 3)


def _has_colours(pixels: NDArray[np.uint8]) -> bool:
    """Return whether both colours are among the pixels, uint8 (n, 3), several times in a row, in either order of channels."""
    for ordered in (pixels, pixels[:, ::-1]):
        near = [np.abs(ordered.astype(np.int16) - colour).max(axis=1) <= _TOLERANCE for colour in COLOURS]
        if all((one[:-2] & one[1:-1] & one[2:]).any() for one in near if len(one) > 2) and len(pixels) > 2:
            return True
    return False


def _unpacked(content: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(content, 1 << 20)
    except zlib.error:
        return b""
