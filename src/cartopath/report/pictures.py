"""The pictures of `maps/`: bytes for the page, and the panel of heterogeneity maps drawn anew from the cartographies."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from PIL import Image, UnidentifiedImageError

from cartopath.core.errors import ArtifactError, StatisticsError
from cartopath.maps import PAPER_BANDS, heterogeneity_map, read_ome_tiff, render_heterogeneity_panel
from cartopath.maps.panel import PanelMap
from cartopath.report.blocks import Block, Gallery, Picture, Plate
from cartopath.report.results import StudyResults
from cartopath.study.layout import Layout

T = TypeVar("T")

_JPEG_QUALITY = 82

MAPS_PER_ROW = 5
TRAINED_ON = ("trained", "train", "validation", "train_validation")
"""Sets of `hti.csv` whose patients trained a network of the map."""


@dataclass(frozen=True)
class MappedSlides:
    """Slides that have an HTI and a cartography.

    Attributes:
        rows: Rows of `hti.csv`, by rising HTI, then by slide.
        n_all: How many there are before those that trained a network were left out.
        is_held_out: Whether they were; not when all of them trained one.
    """

    rows: pd.DataFrame
    n_all: int
    is_held_out: bool


@dataclass(frozen=True)
class Panel:
    """A panel of heterogeneity maps.

    Attributes:
        png: The picture; empty when no cartography could be read.
        bands: Lowest and highest HTI of its rows; empty where the maps were divided into equal shares instead.
        drawn: (HTI, slide) of each map in the picture.
        unreadable: Slides whose cartography could not be read, with the reason.
    """

    png: bytes
    bands: tuple[tuple[float, float], ...]
    drawn: tuple[tuple[float, str], ...]
    unreadable: tuple[str, ...]


def mapped_slides(results: StudyResults) -> MappedSlides:
    """Return the slides to choose maps from: those that trained no network, as long as there are any."""
    layout = Layout(results.root)
    rows = results.table("hti").rows.dropna(subset=["hti"])
    rows = rows[[layout.map(slide).is_file() for slide in rows["slide_id"]]] if len(rows) else rows
    rows = rows.sort_values(["hti", "slide_id"], kind="stable")
    held_out = rows[~rows["set"].isin(TRAINED_ON)]
    return MappedSlides(held_out if len(held_out) else rows, len(rows), len(held_out) > 0)


def heterogeneity_panel(results: StudyResults, slides: pd.DataFrame) -> Panel:
    """Draw heterogeneity maps in rows of low, middle and high HTI (Levy-Jurgenson et al. 2020, figure 3).

    Where fewer than two of the paper's three ranges hold a slide, the rows are equal shares of all slides instead.

    Args:
        results: The study.
        slides: Candidates: rows of `hti.csv` by rising HTI.
    """
    in_bands = [slides[(slides["hti"] >= low) & (slides["hti"] <= high)] for low, high in PAPER_BANDS]
    by_paper = sum(len(band) > 0 for band in in_bands) >= 2
    rows = in_bands if by_paper else [slides]
    chosen = [row for band in rows for row in evenly_chosen(band.to_dict("records"), MAPS_PER_ROW * (1 if by_paper else 3))]
    maps, unreadable = [], []
    for row in chosen:
        try:
            maps.append(_panel_map(results, str(row["slide_id"]), float(row["hti"])))
        except (ArtifactError, StatisticsError) as error:
            unreadable.append(_without_folder(str(error), results.root))
    bands = PAPER_BANDS if by_paper else None
    png = render_heterogeneity_panel(maps, bands=bands, per_row=MAPS_PER_ROW) if maps else b""
    drawn = tuple((one.hti, one.name) for one in maps)
    return Panel(png, bands or (), drawn, tuple(unreadable))


def _panel_map(results: StudyResults, slide_id: str, hti: float) -> PanelMap:
    path = Layout(results.root).map(slide_id)
    cartography = read_ome_tiff(path)
    traits = heterogeneity_traits(results)
    absent = [trait for trait in traits if trait not in cartography.channel_names]
    if absent:
        raise ArtifactError(f"{path}: no channel {absent[0]!r}; run the stage `maps` again")
    channels = [cartography.channel_names.index(trait) for trait in traits]
    mapped = heterogeneity_map(cartography.tensor[..., channels], traits=traits)
    return PanelMap(slide_id, hti, mapped, cartography.pixel_um)


def heterogeneity_traits(results: StudyResults) -> list[str]:
    """Return the traits of the heterogeneity maps: as configured, otherwise all."""
    chosen = results.setting("maps", "heterogeneity")
    return [str(trait) for trait in chosen] if isinstance(chosen, list) and chosen else results.traits


def evenly_chosen(items: Sequence[T], n: int) -> list[T]:
    """Return at most `n` items at even distances, always with the first and the last.

    >>> evenly_chosen("abcdefghi", 3)
    ['a', 'e', 'i']
    """
    if len(items) <= n:
        return list(items)
    if n == 1:
        return [items[len(items) // 2]]
    return [items[round(i * (len(items) - 1) / (n - 1))] for i in range(n)]


def page_png(path: Path, *, max_px: int) -> bytes | None:
    """Return a PNG picture as PNG bytes on white with no side longer than `max_px`; None when it is missing or damaged.

    Nothing but pixels is kept, so that text hidden in a file cannot reach the page.
    """
    return _page_picture(path, max_px, "PNG", optimize=True)


def page_jpeg(path: Path, *, max_px: int) -> bytes | None:
    """Return a JPEG picture as JPEG bytes, as `page_png` does of a PNG."""
    return _page_picture(path, max_px, "JPEG", quality=_JPEG_QUALITY, optimize=True)


def gallery(pictures: Iterable[tuple[Path, str, str]], caption: str, source: str, *, max_px: int) -> list[Block]:
    """Return a gallery of those of some pictures that are there; nothing where none is.

    Args:
        pictures: PNG file, label, and words for those who do not see it, of each.
        caption: Of the gallery.
        source: The table that it belongs to.
        max_px: Longest side on the page.
    """
    contents = [(page_png(path, max_px=max_px), label, alt) for path, label, alt in pictures]
    plates = [Plate(Picture(content, "image/png", alt), label) for content, label, alt in contents if content is not None]
    return [Gallery(tuple(plates), caption, source)] if plates else []


def _page_picture(path: Path, max_px: int, format_: str, **how: Any) -> bytes | None:
    try:
        with Image.open(path, formats=(format_,)) as image:
            pixels = image.convert("RGBA")
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None
    page = Image.new("RGB", pixels.size, "white")
    page.paste(pixels, mask=pixels.getchannel("A"))
    page.thumbnail((max_px, max_px), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    page.save(buffer, format=format_, **how)
    return buffer.getvalue()


def _without_folder(message: str, root: Path) -> str:
    return message.replace(f"{root}/", "")
