"""What every method needs to score the tiles of a slide: their batches, the device, the file of scores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cartopath.store.artifacts import Header, write_table
from cartopath.training import SlideTiles
from cartopath.training.cache import open_tile_cache
from cartopath.training.source import default_read_threads
from cartopath.training.stream import stream_tiles


def device_name(accelerator: str, devices: list[int] | None) -> str:
    """Return the device of a task: `cpu`, the first GPU that it was given, or `auto`."""
    if accelerator == "cpu":
        return "cpu"
    return f"cuda:{devices[0]}" if devices else "auto"


def uses_gpu(device: str) -> bool:
    """Whether a device named `auto`, `cpu` or `cuda:i` is a GPU here."""
    import torch

    return device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())


def default_batch_size(size_px: int, *, is_gpu: bool) -> int:
    """Return how many tiles of a size to score at once: half a megapixel on a CPU, thirty-two on a GPU.

    The activations of Inception v3, a hundred times the tiles themselves, then take some 200 MB on a CPU, which keeps a worker
    with the five networks of a trait below 1.5 GB.

    >>> default_batch_size(512, is_gpu=False), default_batch_size(64, is_gpu=False), default_batch_size(512, is_gpu=True)
    (2, 128, 128)
    """
    pixels = 1 << (25 if is_gpu else 19)
    return min(256, max(2, pixels // size_px**2))


def tile_batches(slide: SlideTiles, size: int, *, threads: int | None = None) -> Iterator[NDArray[np.uint8]]:
    """Yield the tiles of a slide in order, `size` at a time: (n, size_px, size_px, 3) uint8, each an array of its own.

    Args:
        slide: The tiles, which are taken from its cache where there is one.
        size: Tiles per batch; the last may be smaller.
        threads: That decode, ahead of the network; None for one per core, at most eight.

    Raises:
        SlideError: The slide or one of its tiles cannot be read.
    """
    if slide.cache_path is None or not slide.cache_path.is_file():
        yield from stream_tiles(slide, batch_size=size, threads=threads or default_read_threads())
        return
    cached = open_tile_cache(slide)
    for first in range(0, slide.n_tiles, size):
        yield np.array(cached[first : first + size])


def write_scores(scored: pd.DataFrame, meta: dict[str, Any], out: Path, *, key: str) -> None:
    """Write the scores of a slide with what its tile table says of the grid."""
    kept = {name: meta[name] for name in ("slide_id", "mpp", "window_px0", "size_px", "tile_mpp", "n_rows", "n_cols")}
    write_table(scored, out, Header(kind="scores", key=key, meta=kept))
