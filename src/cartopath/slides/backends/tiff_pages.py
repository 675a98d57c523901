"""Which directories of a TIFF are the levels of the slide: never its label, macro or thumbnail, which can carry patient names."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cartopath.slides.backends.ome import is_ome, main_image

MAX_ASPECT_ERROR = 0.02
_MAX_DOWNSAMPLE_ERROR = 0.02
_IS_REDUCED = 1
_NOT_A_SLIDE = r"(label|macro|overview|thumbnail|barcode)\b"
_ANYWHERE = re.compile(rf"\b{_NOT_A_SLIDE}", re.IGNORECASE)
_AT_LINE_START = re.compile(rf"^\s*{_NOT_A_SLIDE}", re.IGNORECASE | re.MULTILINE)
_PAGE_NAME = 285


@dataclass(frozen=True, slots=True)
class SlidePages:
    """The directories of a slide.

    Attributes:
        levels: tifffile's pages, finest first; empty if every image is a label, macro or thumbnail.
        n_planes: Greyscale images of the size of the finest level; more than one is a stack or has several channels.
    """

    levels: tuple[Any, ...]
    n_planes: int

    def __bool__(self) -> bool:
        return bool(self.levels)


def choose_pages(tiff: Any) -> SlidePages:
    """Return the levels of the slide in an open TIFF.

    The slide is the main image of an OME-TIFF, or else the largest image, tiled ones first, that does not call itself a label,
    macro, overview or thumbnail. Its levels are its SubIFDs, or else the images of the main chain with the same proportions
    that are marked as reduced or shrunk by a power of two.

    Args:
        tiff: An open `tifffile.TiffFile`.
    """
    pages = list(tiff.pages)
    slides = [(number, page) for number, page in enumerate(pages) if not _is_label(page, is_first=number == 0)]
    base = _main_page(pages, slides)
    if base is None:
        return SlidePages((), 0)
    levels = list(_shrinking(base, _sub_pages(base))) or list(_shrinking(base, (page for _, page in slides)))
    return SlidePages((base, *levels), _n_planes(base, pages, slides))


def _main_page(pages: list[Any], slides: list[tuple[int, Any]]) -> Any | None:
    description = _description(pages[0]) if pages else ""
    if is_ome(description):
        image = main_image(description)
        return pages[image.ifd] if image is not None and image.ifd < len(pages) else None
    whole = [page for _, page in slides if not int(page.subfiletype) & _IS_REDUCED]
    return max(whole, key=lambda page: (bool(page.is_tiled), page.imagewidth * page.imagelength), default=None)


def _n_planes(base: Any, pages: list[Any], slides: list[tuple[int, Any]]) -> int:
    if int(base.samplesperpixel) > 1:
        return 1  # further pictures of the same size are other focal planes: the first is read
    image = main_image(_description(pages[0]))
    same = sum((page.imagewidth, page.imagelength) == (base.imagewidth, base.imagelength) for _, page in slides)
    return max(1, same, image.n_channels if image else 1)


def _is_label(page: Any, *, is_first: bool) -> bool:
    """Whether an image calls itself a label or the like. The slide's own description may mention one, but not start a line so."""
    description, name = _description(page), str(page.tags.valueof(_PAGE_NAME, ""))
    if is_ome(description):
        return False  # the XML tells, see `main_image`
    return bool((_AT_LINE_START if is_first else _ANYWHERE).search(description) or _ANYWHERE.search(name))


def _description(page: Any) -> str:
    return str(page.description)


def _sub_pages(base: Any) -> Iterator[Any]:
    if base.subifds:
        yield from base.pages


def _shrinking(base: Any, pages: Iterator[Any]) -> Iterator[Any]:
    """Yield the images that are smaller copies of `base`, each smaller than the one before."""
    last = base.imagewidth
    for page in pages:
        if page.imagewidth < last and _is_copy(base, page):
            last = page.imagewidth
            yield page


def _is_copy(base: Any, page: Any) -> bool:
    if (page.samplesperpixel, page.bitspersample) != (base.samplesperpixel, base.bitspersample) or page.is_tiled != base.is_tiled:
        return False
    if min(page.imagewidth, page.imagelength) < 1:
        return False
    across, down = base.imagewidth / page.imagewidth, base.imagelength / page.imagelength
    rounding = 1 / min(page.imagewidth, page.imagelength)  # a level of few pixels cannot keep the proportions
    if abs(across / down - 1) > MAX_ASPECT_ERROR + rounding:
        return False
    nearest = 2.0 ** round(math.log2(across))
    return bool(int(page.subfiletype) & _IS_REDUCED) or page.is_subifd or abs(across / nearest - 1) < _MAX_DOWNSAMPLE_ERROR
