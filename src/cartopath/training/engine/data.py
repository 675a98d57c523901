"""What a tile classifier is shown: labelled tiles of slides, in the order of the training."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from cartopath.training.blocks import VALIDATION_BLOCK_SIDE, block_numbers
from cartopath.training.engine.feeding import Batch, Batches, ChunkData, ValidationLoader
from cartopath.training.feed import feed
from cartopath.training.order import Draw, TrainingOrder, validation_draws, validation_tiles
from cartopath.training.prefetch import prefetched
from cartopath.training.source import TileSource
from cartopath.training.spec import TrainingSpec
from cartopath.training.tiles import Example


@dataclass(frozen=True, eq=False)
class LabelledTiles:
    """A source with the label of every tile."""

    source: TileSource
    labels: NDArray[np.int64]

    def batches(self, stretches: Iterable[Sequence[Draw]], *, threads: int, is_pinned: bool) -> Batches:
        """Yield batches, prepared in a thread while the network works on those before.

        Args:
            stretches: What to draw, as for `cartopath.training.feed.feed`.
            threads: That read.
            is_pinned: Whether tiles lie in page-locked memory, from which a GPU fetches them while it computes.

        Yields:
            `tiles` (n, size, size, 3) uint8, `label` (n,) int64 and `index` (n,) int64.
        """

        def prepared() -> Generator[Batch, None, None]:
            for draw, tiles in feed(self.source, stretches, threads=threads, allocate=_pinned if is_pinned else None):
                yield {
                    "tiles": torch.from_numpy(tiles),
                    "label": torch.from_numpy(self.labels[draw.index]),
                    "index": torch.from_numpy(draw.index.copy()),
                }

        return prefetched(prepared())


def _pinned(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    array: NDArray[np.uint8] = torch.empty(shape, dtype=torch.uint8, pin_memory=True).numpy()
    return array


class TileData(ChunkData):
    """Training and validation tiles of one training.

    Args:
        train: Slides to learn from.
        validation: Slides to validate on.
        spec: Batch size, order, threads.
    """

    def __init__(self, train: Sequence[Example], validation: Sequence[Example], spec: TrainingSpec) -> None:
        super().__init__(spec)
        self._train, self._validation = _labelled(train, spec), _labelled(validation, spec)
        self.train_labels = self._train.labels
        names = ("training", *spec.stream)
        self.order = TrainingOrder(
            self._train.source.slide_of_tile,
            self._train.source.places,
            seed=spec.seed,
            names=names,
            batch_size=spec.batch_size,
            chunks_per_pass=spec.validations_per_epoch,
            shuffle_tiles=spec.buffer_tiles(self._train.source.size_px),
            tiles_per_slide=spec.tiles_per_slide,
            flips=spec.flips,
        )
        slides = self._validation.source.slide_of_tile
        self.validation_index = validation_tiles(
            slides, seed=spec.seed, names=names, tiles_per_slide=spec.validation_tiles_per_slide
        )
        self.validation_labels = self._validation.labels[self.validation_index]
        self.validation_slides = slides[self.validation_index]

    @property
    def n_batches(self) -> int:
        """Batches of a chunk."""
        return self.order.n_batches

    def validation_loader(self) -> ValidationLoader:
        """Return the loader of this device's part of every validation."""
        source = self._validation.source
        block = block_numbers(source.slide_of_tile, source.places, side=VALIDATION_BLOCK_SIDE)
        shares = validation_draws(self.validation_index, block, batch_size=self._run.batch_size, world_size=self.world_size)
        draws = shares[self.rank]
        return ValidationLoader(lambda: self._batches(self._validation, [draws]), len(draws))

    def batches_from(self, chunk: int) -> Batches:
        """Return this device's batches from the start of a chunk to the end of the training."""
        end, step = self._run.max_chunks, self.order.chunks_per_pass
        passes = (
            [draw.share(self.rank, self.world_size) for draw in self.order.rest_of_pass(first, end=end)]
            for first in (chunk, *range((chunk // step + 1) * step, end, step))
        )
        return self._batches(self._train, passes)

    def _batches(self, tiles: LabelledTiles, stretches: Iterable[Sequence[Draw]]) -> Batches:
        return tiles.batches(stretches, threads=self.read_threads, is_pinned=self.is_pinned)

    def close_slides(self) -> None:
        """Close the slides that are open in this process."""
        self._train.source.close()
        self._validation.source.close()


def _labelled(examples: Sequence[Example], spec: TrainingSpec) -> LabelledTiles:
    source = TileSource([example.slide for example in examples], open_slides=spec.open_slides)
    return LabelledTiles(source, np.array([example.label for example in examples], np.int64)[source.slide_of_tile])
