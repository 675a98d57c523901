"""Feeding a trainer: the batches of each chunk and of each validation, for this device, read ahead."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from cartopath.training.order import Draw, TrainingOrder, validation_draws, validation_tiles
from cartopath.training.prefetch import prefetched
from cartopath.training.source import TileSource
from cartopath.training.spec import TrainingSpec
from cartopath.training.tiles import Example


@dataclass(frozen=True, eq=False)
class LabelledTiles(Dataset[dict[str, Tensor]]):
    """A source with the label of every tile; an item is a whole batch, asked for by its `Draw`."""

    source: TileSource
    labels: NDArray[np.int64]

    def __getitem__(self, draw: Draw) -> dict[str, Tensor]:
        """Return `tiles` (n, size, size, 3) uint8, `label` (n,) int64 and `index` (n,) int64."""
        tiles = self.source.read(draw.index)
        across, down = draw.flips[:, 0], draw.flips[:, 1]
        tiles[across] = tiles[across, :, ::-1]
        tiles[down] = tiles[down, ::-1]
        return {
            "tiles": torch.from_numpy(tiles),
            "label": torch.from_numpy(self.labels[draw.index]),
            "index": torch.from_numpy(draw.index.copy()),
        }


class _Draws(Sampler[Draw]):
    """The draws of the pass that begins now; asked for lazily, since Lightning makes iterators before it knows the epoch."""

    def __init__(self, draws: Callable[[], Sequence[Draw]], n_batches: int) -> None:
        self._draws, self._n_batches = draws, n_batches

    def __iter__(self) -> Generator[Draw, None, None]:
        yield from self._draws()

    def __len__(self) -> int:
        return self._n_batches


class _Ahead:
    """A loader whose batches are read in a thread, while the network works on the one before."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        self._loader = loader

    def __iter__(self) -> Generator[dict[str, Tensor], None, None]:
        return prefetched(self._loader)

    def __len__(self) -> int:
        return len(self._loader)


class TileData(LightningDataModule):  # type: ignore[misc]
    """Training and validation tiles of one training.

    Args:
        train: Slides to learn from.
        validation: Slides to validate on.
        spec: Batch size, order, workers.
    """

    def __init__(self, train: Sequence[Example], validation: Sequence[Example], spec: TrainingSpec) -> None:
        super().__init__()
        self._spec = spec
        self._train, self.train_labels = _labelled(train, spec)
        self._validation, labels = _labelled(validation, spec)
        self.order = TrainingOrder(
            self._train.source.slide_of_tile,
            seed=spec.seed,
            names=("training", *spec.stream),
            batch_size=spec.batch_size,
            chunks_per_pass=spec.validations_per_epoch,
            tiles_per_slide=spec.tiles_per_slide,
            flips=spec.flips,
        )
        slides = self._validation.source.slide_of_tile
        self.validation_index = validation_tiles(
            slides,
            seed=spec.seed,
            names=("training", *spec.stream),
            tiles_per_slide=spec.validation_tiles_per_slide,
        )
        self.validation_labels = labels[self.validation_index]
        self.validation_slides = slides[self.validation_index]

    def train_dataloader(self) -> _Ahead:
        """Return the loader of all chunks: each time it is walked through, it gives those of the trainer's current epoch."""
        rank, world_size = self._place()

        def draws() -> list[Draw]:
            assert self.trainer is not None
            return [draw.share(rank, world_size) for draw in self.order.draws(self.trainer.current_epoch)]

        return self._loader(self._train, _Draws(draws, self.order.n_batches))

    def val_dataloader(self) -> _Ahead:
        """Return the loader of every validation."""
        rank, world_size = self._place()
        batches = validation_draws(self.validation_index, batch_size=self._spec.batch_size, world_size=world_size)[rank]
        return self._loader(self._validation, _Draws(lambda: batches, len(batches)))

    def _place(self) -> tuple[int, int]:
        assert self.trainer is not None
        return self.trainer.global_rank, self.trainer.world_size

    def _loader(self, tiles: LabelledTiles, draws: _Draws) -> _Ahead:
        assert self.trainer is not None
        workers = self._spec.num_workers
        loader = DataLoader(
            tiles,
            batch_size=None,
            sampler=draws,
            num_workers=workers,
            persistent_workers=workers > 0,
            multiprocessing_context="spawn" if workers else None,
            pin_memory=self.trainer.strategy.root_device.type == "cuda",
        )
        return _Ahead(loader)

    def close(self) -> None:
        """Close the slides that are open in this process."""
        self._train.source.close()
        self._validation.source.close()


def _labelled(examples: Sequence[Example], spec: TrainingSpec) -> tuple[LabelledTiles, NDArray[np.int64]]:
    source = TileSource([example.slide for example in examples], threads=spec.read_threads, open_slides=spec.open_slides)
    labels = np.array([example.label for example in examples], np.int64)[source.slide_of_tile]
    return LabelledTiles(source, labels), labels
