"""The pictures of `maps/`: which there are, which to show, and their bytes at the size of the page."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from cartopath.report.results import StudyResults
from cartopath.study.layout import file_name

_HETEROGENEITY = re.compile(r"^(?P<stem>.+)_heterogeneity_(?P<hti>\d+\.\d\d)\.png$")


@dataclass(frozen=True)
class HeterogeneityPicture:
    """One heterogeneity map.

    Attributes:
        slide_id: The slide; the start of the file name where `hti.csv` does not know it.
        set_name: Set of its patient; empty when unknown.
        hti: Its HTI: from `hti.csv`, otherwise the two decimals of the file name.
        path: The PNG.
    """

    slide_id: str
    set_name: str
    hti: float
    path: Path


def heterogeneity_pictures(results: StudyResults) -> list[HeterogeneityPicture]:
    """Return all heterogeneity maps of the study in the order of their HTI, then of their slide."""
    known = {file_name(row["slide_id"]): row for _, row in results.table("hti").rows.iterrows()}
    pictures = []
    for path in sorted((results.root / "maps").glob("*_heterogeneity_*.png")):
        match = _HETEROGENEITY.match(path.name)
        if match is None:
            continue
        row = known.get(match["stem"])
        if row is None or row["hti"] != row["hti"]:
            pictures.append(HeterogeneityPicture(match["stem"], "", float(match["hti"]), path))
        else:
            pictures.append(HeterogeneityPicture(row["slide_id"], row["set"], float(row["hti"]), path))
    return sorted(pictures, key=lambda picture: (picture.hti, picture.slide_id))


def evenly_chosen(items: Sequence[HeterogeneityPicture], n: int) -> list[HeterogeneityPicture]:
    """Return at most `n` items at even distances, always with the first and the last."""
    if len(items) <= n:
        return list(items)
    if n == 1:
        return [items[len(items) // 2]]
    return [items[round(i * (len(items) - 1) / (n - 1))] for i in range(n)]


def page_png(path: Path, *, max_px: int) -> bytes | None:
    """Return a picture as PNG bytes with no side longer than `max_px`; None when it is missing or damaged.

    Nothing but pixels is kept, so that text hidden in a file cannot reach the page.
    """
    try:
        with Image.open(path, formats=("PNG",)) as image:
            pixels = image.convert("RGBA")
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None
    page = Image.new("RGB", pixels.size, "white")
    page.paste(pixels, mask=pixels.getchannel("A"))
    page.thumbnail((max_px, max_px), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    page.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
