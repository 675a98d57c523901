"""The features of one slide: its tissue cut as the encoder wants it, each frame decoded once, glass left out on the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import SlideError
from cartopath.methods.scoring import default_batch_size, uses_gpu
from cartopath.slides import (
    Slide,
    TileGrid,
    TileSpec,
    background_fraction,
    is_lost,
    iter_tiles,
    open_slide,
    slide_tissue,
    tile_grid,
)
from cartopath.slides.plan import MAX_UNREADABLE
from cartopath.store.embeddings import Embeddings
from cartopath.training.encoding import LoadedEncoder
from cartopath.training.source import default_read_threads


@dataclass(frozen=True, kw_only=True)
class CutSpec:
    """Which tiles of a slide are encoded, and how they are read.

    Attributes:
        min_tissue: Tiles with a smaller share of tissue on the thumbnail are not decoded.
        max_background: Tiles of which at least this share of the pixel values is brighter than 220 are not encoded.
        mpp: States the micrometres per level-0 pixel, whatever the slide says.
        assume_mpp: What to take where it says nothing.
    """

    min_tissue: float = 0.1
    max_background: float = 0.5
    mpp: float | None = None
    assume_mpp: float | None = None

    def tiles(self, encoder: LoadedEncoder) -> TileSpec:
        """Return the tiles that an encoder wants."""
        card = encoder.card
        return TileSpec(
            size_px=card.size_px, mpp=card.mpp, max_background=self.max_background, min_tissue=self.min_tissue, edge="skip"
        )


@dataclass(frozen=True, kw_only=True)
class Computing:
    """What computes.

    Attributes:
        device: `auto`, `cpu` or `cuda:i`.
        precision: As for `LoadedEncoder.encode`.
        batch_size: Tiles per step; None for as many as memory likes.
        threads: Of the network on a CPU; None leaves torch as it is.
    """

    device: str = "auto"
    precision: str = "auto"
    batch_size: int | None = None
    threads: int | None = None


@dataclass(eq=False)
class _Sieve:
    """Tiles on their way to the encoder: which were kept, and what became of the others."""

    max_background: float
    kept: list[NDArray[np.intp]] = field(default_factory=list)
    n_unreadable: int = 0
    n_background: int = 0

    def tissue(self, slide: Slide, xy_px0: NDArray[np.int64], grid: TileGrid, batch_size: int) -> Iterator[NDArray[np.uint8]]:
        """Yield the tiles that show tissue, in batches of at most so many."""
        batches = iter_tiles(
            slide,
            xy_px0,
            window_px0=grid.window_px0,
            size_px=grid.size_px,
            batch_size=batch_size,
            threads=default_read_threads(),
        )
        for batch in batches:
            bright = np.array([background_fraction(tile) for tile in batch.pixels])
            is_kept = batch.is_readable & (bright < self.max_background)
            self.n_unreadable += int((~batch.is_readable).sum())
            self.n_background += int((batch.is_readable & ~is_kept).sum())
            self.kept.append(batch.rows.start + np.flatnonzero(is_kept))
            if is_kept.all():
                yield batch.pixels
            elif is_kept.any():
                yield batch.pixels[is_kept]


def embed_slide(
    encoder: LoadedEncoder, path: Path, slide_id: str, cut: CutSpec, computing: Computing
) -> tuple[Embeddings, dict[str, int]]:
    """Return the features of a slide's tiles, and how many tiles met which fate.

    Args:
        encoder: Says size and resolution of the tiles.
        path: The slide.
        slide_id: Its name.
        cut: Which tiles.
        computing: How.

    Returns:
        Features of the tiles that show tissue, row by row; and the numbers of tiles of the `grid`: without tissue (`no_tissue`),
        that cannot be decoded (`unreadable`), of glass (`background`), `kept`.

    Raises:
        SlideError: The slide cannot be read, is coarser than the encoder's tiles, is damaged for the most part, or has no tile
            with tissue.
    """
    spec = cut.tiles(encoder)
    with open_slide(path, mpp=cut.mpp, assume_mpp=cut.assume_mpp) as slide:
        grid = tile_grid(slide, spec)
        everywhere = grid.xy_px0(grid.cells())
        share = slide_tissue(slide, grid.window_px0).fraction(everywhere[:, 0], everywhere[:, 1], grid.window_px0)
        candidates = everywhere[(share >= spec.min_tissue) | is_lost(slide, everywhere, grid.window_px0)]
        sieve = _Sieve(cut.max_background)
        size = computing.batch_size or default_batch_size(spec.size_px, is_gpu=uses_gpu(computing.device))
        batches = sieve.tissue(slide, candidates, grid, size)
        features = encoder.encode(batches, device=computing.device, precision=computing.precision, threads=computing.threads)
        slide_mpp = slide.mpp
    if sieve.n_unreadable > MAX_UNREADABLE * len(candidates):
        raise SlideError(
            f"{path}: too damaged: {sieve.n_unreadable:,} of {len(candidates):,} tiles that may hold tissue cannot be decoded; "
            "get a sound copy of the file"
        )
    if not len(features):
        raise SlideError(f"{path}: no tile with tissue")
    counts = {
        "grid": len(everywhere),
        "no_tissue": len(everywhere) - len(candidates),
        "unreadable": sieve.n_unreadable,
        "background": sieve.n_background,
        "kept": len(features),
    }
    embeddings = Embeddings(
        slide_id=slide_id,
        features=features,
        xy_px0=candidates[np.concatenate(sieve.kept)],
        window_px0=grid.window_px0,
        size_px=grid.size_px,
        mpp=slide_mpp,
        tile_mpp=grid.mpp,
        encoder=encoder.card.name,
    )
    return embeddings, counts
