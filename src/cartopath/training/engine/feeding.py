"""Feeding a trainer: the batches of each chunk and of each validation, for this device, read ahead."""

from __future__ import annotations

import abc
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from lightning.pytorch import LightningDataModule, Trainer
from torch import Tensor

from cartopath.training.source import default_read_threads
from cartopath.training.spec import TrainingSpec

Batch = dict[str, Tensor]
Batches = Generator[Batch, None, None]


@dataclass(eq=False)
class ChunkLoader:
    """Walked through once per chunk, it gives the batches of the chunk that is asked for then.

    Reading goes on from chunk to chunk, during validations too, so that what is in memory already is not read again.

    Args:
        open_from: Gives all batches from a chunk to the end of the training.
        chunk: Says which chunk begins; asked when walking begins, since Lightning makes iterators before it knows the epoch.
        n_batches: Batches per chunk.
    """

    open_from: Callable[[int], Batches]
    chunk: Callable[[], int]
    n_batches: int
    _stream: Batches | None = field(default=None, init=False)
    _next: int = field(default=-1, init=False)

    def __iter__(self) -> Batches:
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
    """The same batches whenever it is walked through.

    Args:
        open: Gives the batches of a validation.
        n_batches: How many.
    """

    open: Callable[[], Batches]
    n_batches: int
    _stream: Batches | None = field(default=None, init=False)

    def __iter__(self) -> Batches:
        self.close()
        self._stream = self.open()
        return self._stream

    def __len__(self) -> int:
        return self.n_batches

    def close(self) -> None:
        """End reading ahead."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None


class ChunkData(LightningDataModule, abc.ABC):  # type: ignore[misc]
    """Training and validation tiles of one training in chunks.

    Args:
        run: Batch size, threads.
    """

    def __init__(self, run: TrainingSpec) -> None:
        super().__init__()
        self._run = run
        self._loaders: list[ChunkLoader | ValidationLoader] = []

    @property
    @abc.abstractmethod
    def n_batches(self) -> int:
        """Batches of a chunk, on each device."""

    @abc.abstractmethod
    def batches_from(self, chunk: int) -> Batches:
        """Return this device's batches from the start of a chunk to the end of the training."""

    @abc.abstractmethod
    def validation_loader(self) -> ValidationLoader:
        """Return the loader of this device's part of every validation."""

    @abc.abstractmethod
    def close_slides(self) -> None:
        """Close the slides that are open in this process."""

    def train_dataloader(self) -> ChunkLoader:
        """Return the loader of all chunks: each time it is walked through, it gives those of the trainer's current epoch."""
        loader = ChunkLoader(self.batches_from, lambda: self._attached().current_epoch, self.n_batches)
        self._loaders.append(loader)
        return loader

    def val_dataloader(self) -> ValidationLoader:
        """Return the loader of every validation."""
        loader = self.validation_loader()
        self._loaders.append(loader)
        return loader

    def teardown(self, stage: str) -> None:
        """End reading ahead in this process, which may be a spawned one."""
        self.close()

    def close(self) -> None:
        """End reading ahead, and close the slides that are open in this process."""
        while self._loaders:
            self._loaders.pop().close()
        self.close_slides()

    @property
    def rank(self) -> int:
        """Number of this device."""
        return int(self._attached().global_rank)

    @property
    def world_size(self) -> int:
        """How many devices train together."""
        return int(self._attached().world_size)

    @property
    def read_threads(self) -> int:
        """Threads that decode tiles for this device."""
        return self._run.read_threads or max(1, default_read_threads() // self.world_size)

    @property
    def is_pinned(self) -> bool:
        """Whether batches lie in page-locked memory, from which a GPU fetches them while it computes."""
        return bool(self._attached().strategy.root_device.type == "cuda")

    def _attached(self) -> Trainer:
        assert self.trainer is not None
        return self.trainer
