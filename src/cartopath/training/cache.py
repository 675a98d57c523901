"""Decoded tiles kept on disk, one file per slide, so that later passes read instead of decode.

A cache is an uncompressed `.npy` array (n_tiles, size, size, 3) of uint8, mapped into memory when read. Its name carries a key of
the slide's identity and of the tiles, so a cache of other tiles is never mistaken for it.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import ArtifactError
from cartopath.store.atomic import atomic_path
from cartopath.store.hashing import file_identity, value_key
from cartopath.training.stream import stream_tiles
from cartopath.training.tiles import SlideTiles

_BATCH = 64


def tile_cache_path(slide: SlideTiles, folder: Path | str) -> Path:
    """Return where the tiles of a slide are kept below `folder`: the name changes with the slide's content and with the tiles.

    Raises:
        FileNotFoundError: The slide does not exist.
    """
    key = value_key({"file": file_identity(slide.path), **slide.identity()})
    return Path(folder) / f"{slide.slide_id}.{key[:16]}.npy"


def write_tile_cache(slide: SlideTiles, path: Path | str, *, threads: int = 1) -> None:
    """Decode all tiles of a slide into a cache file, a few at a time.

    Raises:
        SlideError: The slide cannot be read; no file is left.
    """
    shape = (slide.n_tiles, slide.size_px, slide.size_px, 3)
    with atomic_path(path) as temporary:
        if slide.n_tiles == 0:
            np.save(temporary, np.empty(shape, np.uint8))
            return
        array = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=shape)
        first = 0
        for tiles in stream_tiles(slide, batch_size=_BATCH, threads=threads):
            array[first : first + len(tiles)] = tiles
            first += len(tiles)
        array.flush()
        del array


def write_tile_caches(
    slides: Sequence[SlideTiles],
    folder: Path | str,
    *,
    max_bytes: int,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> list[SlideTiles]:
    """Cache slides in their order until `max_bytes` are used up; the others will be decoded each time.

    A cache that exists is kept and counted. Slides after the first that does not fit are still tried.

    Args:
        slides: Whose tiles to keep.
        folder: Where.
        max_bytes: Of all these caches together.
        threads: That decode.
        progress: Called with the number of slides dealt with and of all slides.

    Returns:
        The same slides in the same order, with `cache_path` set where there is a cache, None elsewhere.
    """
    left = max_bytes
    kept = []
    for number, slide in enumerate(slides, start=1):
        path = None
        if slide.n_bytes <= left:
            path = tile_cache_path(slide, folder)
            if not path.is_file():
                write_tile_cache(slide, path, threads=threads)
            left -= slide.n_bytes
        kept.append(dataclasses.replace(slide, cache_path=path))
        if progress is not None:
            progress(number, len(slides))
    return kept


def open_tile_cache(slide: SlideTiles) -> NDArray[np.uint8]:
    """Return the tiles of a slide's cache, mapped into memory: (n_tiles, size, size, 3) uint8.

    Raises:
        ArtifactError: The file is missing, damaged or holds other tiles.
    """
    path = slide.cache_path
    if path is None:
        raise ArtifactError(f"slide {slide.slide_id} has no tile cache")
    shape = (slide.n_tiles, slide.size_px, slide.size_px, 3)
    header = _header(shape)
    try:
        with path.open("rb") as file:
            is_expected = file.read(len(header)) == header
        if is_expected:
            return np.memmap(path, np.uint8, "r", len(header), shape) if slide.n_tiles else np.empty(shape, np.uint8)
    except FileNotFoundError as error:
        raise ArtifactError(f"{path}: no such tile cache") from error
    except (ValueError, OSError) as error:
        raise ArtifactError(f"{path}: damaged tile cache ({error}); delete it and run again") from error
    found = _what_it_is(path)
    raise ArtifactError(f"{path}: {found} where slide {slide.slide_id} has uint8 {shape}; delete it and run again")


def _header(shape: tuple[int, ...]) -> bytes:
    """Return the first bytes of a cache of this shape.

    They are compared rather than parsed: numpy parses them as Python, which Python 3.11 cannot do safely in several threads
    (SystemError: AST constructor recursion depth mismatch), and feeds open caches in several.
    """
    written = io.BytesIO()
    np.lib.format.write_array_header_1_0(written, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return written.getvalue()


def _what_it_is(path: Path) -> str:
    """Return in words what a file is that begins otherwise than expected."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        return f"damaged tile cache ({error})"
    return f"holds {array.dtype} {array.shape}"
