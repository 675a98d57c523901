"""Where the tiles of a style come from: slides, image files, caches, anything that yields 8-bit tiles."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import TrainingError
from cartopath.slides import Slide, iter_tiles, open_slide

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")


class Tiles(Protocol):
    """Tiles that can be asked for by number: a list, an array (n, height, width, 3), a memory-mapped tile cache, `ImageFiles`."""

    def __len__(self) -> int:
        """Return how many there are."""
        ...

    def __getitem__(self, number: int, /) -> NDArray[np.uint8]:
        """Return one, uint8 (height, width, 3)."""
        ...


class ImageFiles(Sequence[NDArray[np.uint8]]):
    """Image files as tiles, read when they are asked for.

    Args:
        source: A folder, whose pictures are taken in the order of their names, or the files themselves.

    Raises:
        TrainingError: There are none.
    """

    def __init__(self, source: Path | str | Sequence[Path | str]) -> None:
        if isinstance(source, (str, Path)):
            found = sorted(path for path in Path(source).glob("*") if path.suffix.lower() in SUFFIXES)
        else:
            found = [Path(path) for path in source]
        if not found:
            raise TrainingError(f"{source}: no image files ({', '.join(SUFFIXES)}); give a folder that holds tiles")
        self.paths = tuple(found)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, number: int) -> NDArray[np.uint8]:  # type: ignore[override]
        return read_image(self.paths[number])


def read_image(path: Path | str) -> NDArray[np.uint8]:
    """Return all pixels of an image file, uint8 (height, width, 3) RGB.

    Raises:
        SlideError: It is no image, or damaged.
    """
    with open_slide(path, mpp=1.0) as slide:  # A tile has no scale of its own that matters here.
        size = slide.dimensions_px0
        return slide.read_region(0, 0, 0, size.width, size.height)


def slide_tiles(
    slide: Slide, xy_px0: NDArray[np.integer], *, window_px0: int, size_px: int, batch_size: int = 16, threads: int = 1
) -> Iterator[NDArray[np.uint8]]:
    """Yield the readable tiles of a slide one by one; see `cartopath.slides.iter_tiles` for the arguments."""
    for batch in iter_tiles(slide, xy_px0, window_px0=window_px0, size_px=size_px, batch_size=batch_size, threads=threads):
        yield from batch.pixels[batch.is_readable]


def gathered(tiles: Iterable[NDArray[np.uint8]] | Tiles, name: str) -> Tiles:
    """Return tiles that can be asked for by number: as they are if they can, otherwise as a list.

    Raises:
        TrainingError: There are none, or the first is no 8-bit RGB tile.
    """
    numbered: Tiles = tiles if hasattr(tiles, "__getitem__") and hasattr(tiles, "__len__") else list(tiles)  # type: ignore[assignment]
    if not len(numbered):
        raise TrainingError(f"style {name!r} has no tiles to learn from")
    checked(numbered[0], f"the first tile of style {name!r}")
    return numbered


def checked(tile: NDArray[np.uint8], what: str) -> NDArray[np.uint8]:
    """Return a tile that is uint8 (height, width, 3).

    Raises:
        TrainingError: It is not.
    """
    if tile.dtype != np.uint8 or tile.ndim != 3 or tile.shape[-1] != 3:
        raise TrainingError(f"{what} must be uint8 (height, width, 3). Got {tile.dtype} {tile.shape} instead.")
    return tile


def content_key(tiles: Tiles) -> str:
    """Return the key of the pixels of tiles, in their order; reads all of them."""
    digest = hashlib.sha256()
    for number in range(len(tiles)):
        tile = tiles[number]
        digest.update(repr(tile.shape).encode())
        digest.update(np.ascontiguousarray(tile).tobytes())
    return digest.hexdigest()
