"""All tiles of one slide in their order, in batches: what prediction and caches read."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import SlideError
from cartopath.training.tiles import SlideTiles


def stream_tiles(slide: SlideTiles, *, batch_size: int, threads: int) -> Generator[NDArray[np.uint8], None, None]:
    """Yield the tiles of a slide, decoded ahead of the caller, each part of the file once.

    Args:
        slide: The tiles.
        batch_size: Tiles per batch; the last may be smaller.
        threads: That decode.

    Yields:
        (n, size, size, 3) uint8 RGB. Each batch is an array of its own.

    Raises:
        SlideError: The slide or one of its tiles cannot be read.
    """
    from cartopath.slides import iter_tiles, open_slide

    with open_slide(slide.path, mpp=slide.stated_mpp, assume_mpp=slide.assume_mpp, scaling=slide.scaling) as handle:
        for batch in iter_tiles(
            handle,
            slide.xy_px0,
            window_px0=slide.window_px0,
            size_px=slide.size_px,
            batch_size=batch_size,
            threads=threads,
        ):
            if not batch.is_readable.all():
                raise _unreadable(slide, batch.rows.start + np.flatnonzero(~batch.is_readable))
            yield batch.pixels


def _unreadable(slide: SlideTiles, rows: NDArray[np.int64]) -> SlideError:
    """Return the error of tiles that could be decoded when the slide was cut into tiles."""
    x, y = slide.xy_px0[rows[0]].tolist()
    more = f" and {len(rows) - 1} more of its batch" if len(rows) > 1 else ""
    return SlideError(
        f"{slide.path}: the tile at ({x}, {y}){more} can no longer be decoded; restore the file, or cut it into tiles again"
    )
