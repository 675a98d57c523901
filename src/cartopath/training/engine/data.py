"""Feeding a trainer: the batches of each chunk and of each validation, for this device, read ahead."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from lightning.pytorch import LightningDataModule, Trainer
from numpy.typing import NDArray
from torch import Tensor

from cartopath.training.blocks import VALIDATION_BLOCK_SIDE, block_numbers
from cartopath.training.feed import feed
from cartopath.training.order import Draw, TrainingOrder, validation_draws, validation_tiles
from cartopath.training.prefetch import prefetched
from cartopath.training.source import TileSource, default_read_threads
from cartopath.training.spec import TrainingSpec
from cartopath.training.tiles import Example

Batch = dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class LabelledTiles:
    """A source with the label of every tile."""

    source: TileSource
    labels: NDArray[np.int64]

    def batches(self, stretches: Iterable[Sequence[Draw]], *, threads: int, is_pinned: bool) -> Generator[Batch, None, None]:
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


@dataclass(eq=False)
class ChunkLoader:
    """Walked through once per chunk, it gives the batches of the chunk that is asked for then.

    Reading goes on from chunk to chunk, during validations too, so that what is in memory already is not read again.

    Args:
        open_from: Gives all batches from a chunk to the end of the training.
        chunk: Says which chunk begins; asked when walking begins, since Lightning makes iterators before it knows the epoch.
        n_batches: Batches per chunk.
    """

    open_from: Callable[[int], Generator[Batch, None, None]]
    chunk: Callable[[], int]
    n_batches: int
    _stream: Generator[Batch, None, None] | None = field(default=None, init=False)
    _next: int = field(default=-1, init=False)

    def __iter__(self) -> Generator[Batch, None, None]:
        chunk = self.chunk()
        if self._stream is None or chunk != self._next:
            self.close()
            self._stream = self.open_from(chunk)
        self._next = -1
        for number in range(1, self.n_batches + 1):
            batch = next(self._stream)
            if number == self.n_batches:  # Lightning, which knows how many there are, does not ask for one more.
                self._next = chunk + 1
            yield batch

    def __len__(self) -> int:
        return self.n_batches

    def close(self) -> None:
        """End reading ahead."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None


@dataclass(eq=False)
class ValidationLoader:
    """The same batches whenever it is walked through."""

    tiles: LabelledTiles
    draws: Sequence[Draw]
    threads: int
    is_pinned: bool
    _stream: Generator[Batch, None, None] | None = field(default=None, init=False)

    def __iter__(self) -> Generator[Batch, None, None]:
        self.close()
        self._stream = self.tiles.batches([self.draws], threads=self.threads, is_pinned=self.is_pinned)
        return self._stream

    def __len__(self) -> int:
        return len(self.draws)

    def close(self) -> None:
        """End reading ahead."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None


class TileData(LightningDataModule):  # type: ignore[misc]
    """Training and validation tiles of one training.

    Args:
        train: Slides to learn from.
        validation: Slides to validate on.
        spec: Batch size, order, threads.
    """

    def __init__(self, train: Sequence[Example], validation: Sequence[Example], spec: TrainingSpec) -> None:
        super().__init__()
        self._spec = spec
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
        self._loaders: list[ChunkLoader | ValidationLoader] = []

    def train_dataloader(self) -> ChunkLoader:
        """Return the loader of all chunks: each time it is walked through, it gives those of the trainer's current epoch."""
        loader = ChunkLoader(self._batches_from, lambda: self._attached().current_epoch, self.order.n_batches)
        self._loaders.append(loader)
        return loader

    def val_dataloader(self) -> ValidationLoader:
        """Return the loader of every validation."""
        source = self._validation.source
        block = block_numbers(source.slide_of_tile, source.places, side=VALIDATION_BLOCK_SIDE)
        rank, world_size = self._place()
        draws = validation_draws(self.validation_index, block, batch_size=self._spec.batch_size, world_size=world_size)[rank]
        loader = ValidationLoader(self._validation, draws, self._threads(), self._is_pinned())
        self._loaders.append(loader)
        return loader

    def _batches_from(self, chunk: int) -> Generator[Batch, None, None]:
        rank, world_size = self._place()
        end, step = self._spec.max_chunks, self.order.chunks_per_pass
        passes = (
            [draw.share(rank, world_size) for draw in self.order.rest_of_pass(first, end=end)]
            for first in (chunk, *range((chunk // step + 1) * step, end, step))
        )
        return self._train.batches(passes, threads=self._threads(), is_pinned=self._is_pinned())

    def _attached(self) -> Trainer:
        assert self.trainer is not None
        return self.trainer

    def _place(self) -> tuple[int, int]:
        return self._attached().global_rank, self._attached().world_size

    def _threads(self) -> int:
        return self._spec.read_threads or max(1, default_read_threads() // self._place()[1])

    def _is_pinned(self) -> bool:
        return bool(self._attached().strategy.root_device.type == "cuda")

    def teardown(self, stage: str) -> None:
        """End reading ahead in this process, which may be a spawned one."""
        self.close()

    def close(self) -> None:
        """End reading ahead, and close the slides that are open in this process."""
        while self._loaders:
            self._loaders.pop().close()
        self._train.source.close()
        self._validation.source.close()


def _labelled(examples: Sequence[Example], spec: TrainingSpec) -> LabelledTiles:
    source = TileSource([example.slide for example in examples], open_slides=spec.open_slides)
    return LabelledTiles(source, np.array([example.label for example in examples], np.int64)[source.slide_of_tile])
