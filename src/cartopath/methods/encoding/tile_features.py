"""The features of tiles by the encoder in a folder, whatever sort it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cartopath.methods.encoding.registered import is_registered, load_registered, read_registered
from cartopath.methods.scoring import default_batch_size, tile_batches, uses_gpu
from cartopath.store.embeddings import as_half
from cartopath.training import SlideTiles
from cartopath.training.encoding import LoadedEncoder
from cartopath.training.fingerprint import fingerprint_tiles, read_fingerprint, read_fingerprint_card


def tile_features(
    encoder: Path, source: SlideTiles, *, batch_size: int | None, device: str, precision: str, threads: int
) -> tuple[NDArray[np.float16], str]:
    """Return the fingerprints of tiles as they are kept, and the name of the backbone.

    Args:
        encoder: Folder of its bundle.
        source: The tiles.
        batch_size: Tiles per step; None for as many as memory likes.
        device: `auto`, `cpu` or `cuda:i`.
        precision: See `fingerprint_tiles`.
        threads: Of the network on a CPU.
    """
    loaded = _load_encoder(encoder)
    size = batch_size or default_batch_size(source.size_px, is_gpu=uses_gpu(device))
    batches = tile_batches(source, size)
    if isinstance(loaded, LoadedEncoder):
        features = loaded.encode(batches, device=device, precision=precision, threads=threads)
        return as_half(features, source.slide_id), loaded.card.name
    features = fingerprint_tiles(loaded.network, batches, device=device, precision=precision, threads=threads)
    return as_half(features, source.slide_id), loaded.card.spec.backbone


_loaded: dict[tuple[Path, str], Any] = {}
"""The encoder that this process used last."""


def _load_encoder(folder: Path) -> Any:
    registered = is_registered(folder)
    wanted = (folder, read_registered(folder).sha256 if registered else read_fingerprint_card(folder).weights_sha256)
    if wanted not in _loaded:
        _loaded.clear()
        _loaded[wanted] = load_registered(folder) if registered else read_fingerprint(folder)
    return _loaded[wanted]
