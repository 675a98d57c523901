"""Feeding a trainer: the batches of each chunk and of each validation, for this device, read ahead."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from lightning.pytorch import LightningDataModule, Trainer
from torch import Tensor

from cartopath.models.fingerprint.spec import FingerprintSpec
from cartopath.training.engine.data import ChunkLoader
from cartopath.training.fingerprint.augmentation import Changes
from cartopath.training.fingerprint.draws import Draws, TileDraws
from cartopath.training.fingerprint.pieces import Piece
from cartopath.training.fingerprint.places import Places
from cartopath.training.fingerprint.reading import PieceReader, Style, restyled
from cartopath.training.fingerprint.spec import FingerprintTraining
from cartopath.training.prefetch import prefetched
from cartopath.training.source import default_read_threads

Batch = dict[str, Tensor]


@dataclass(eq=False)
class RightHalves:
    """The batches of a validation, the same whenever they are walked through."""

    data: FingerprintData
    batches: Sequence[Draws]

    def __iter__(self) -> Generator[Batch, None, None]:
        return self.data.prepared([(None, draws) for draws in self.batches], read_px=self.data.network.size_px)

    def __len__(self) -> int:
        return len(self.batches)


class FingerprintData(LightningDataModule):  # type: ignore[misc]
    """Training and validation tiles of one training.

    Args:
        pieces: Whose left halves train and right halves watch.
        places: Where their tiles may lie.
        network: How large tiles are.
        spec: Batch size, augmentation, threads.
        style: Makes the second image of pairs where the spec says so. Sent to other processes if there are several devices.
    """

    def __init__(
        self,
        pieces: Sequence[Piece],
        places: Places,
        network: FingerprintSpec,
        spec: FingerprintTraining,
        style: Style | None,
    ) -> None:
        super().__init__()
        self.network = network
        self._spec, self._style = spec, style
        self.draws = TileDraws(pieces, places, network, spec)
        self.watched = self.draws.validation()
        self._reader = PieceReader(pieces, network, open_slides=spec.open_slides)
        self._chunks: ChunkLoader | None = None

    def train_dataloader(self) -> ChunkLoader:
        """Return the loader of all chunks: each time it is walked through, it gives those of the trainer's current epoch."""
        self._stop_reading()
        self._chunks = ChunkLoader(self._batches_from, lambda: self._attached().current_epoch, self.draws.n_batches)
        return self._chunks

    def val_dataloader(self) -> RightHalves:
        """Return the loader of every validation; each device has as many batches as the others."""
        rank, world_size = self._place()
        size = self._spec.batch_size
        batches = [self.watched.rows(slice(at, at + size)) for at in range(0, len(self.watched), size)]
        return RightHalves(self, [self._share(draws, rank, world_size) for draws in batches])

    def _batches_from(self, chunk: int) -> Generator[Batch, None, None]:
        rank, world_size = self._place()
        numbered = (
            (number, self._share(draws, rank, world_size))
            for number in range(chunk, self._spec.max_chunks)
            for draws in self.draws.chunk(number)
        )
        return self.prepared(numbered, read_px=self._spec.augmentation.read_px(self.network.size_px))

    @staticmethod
    def _share(draws: Draws, rank: int, world_size: int) -> Draws:
        """One device's part of a batch; where there are fewer tiles than devices, one is seen twice, to the same effect."""
        if len(draws) < world_size:
            return draws.rows(np.array([rank % len(draws)]))
        return draws.rows(slice(rank, None, world_size))

    def prepared(self, batches: Iterable[tuple[int | None, Draws]], *, read_px: int) -> Generator[Batch, None, None]:
        """Yield batches, prepared in a thread while the network works on those before.

        Args:
            batches: The chunk, None for a validation, and what to read.
            read_px: Side of the squares to read.

        Yields:
            `tiles` (n, n_styles, read_px, read_px, 3) uint8, `piece` (n,) and `index` (n,) int64, and the arrays of `Changes`.
        """
        is_pinned = self._attached().strategy.root_device.type == "cuda"

        def prepare() -> Generator[Batch, None, None]:
            with ThreadPoolExecutor(self._threads(), thread_name_prefix="cartopath-pieces") as pool:
                for chunk, draws in batches:
                    tiles = self._reader.read(draws, read_px=read_px, pool=pool)
                    if chunk is not None and self._style is not None:
                        names = (*self._spec.stream, chunk)
                        tiles = restyled(tiles, draws, self._style, seed=self._spec.seed, names=names)
                    batch = {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in _arrays(draws, tiles).items()}
                    yield {name: value.pin_memory() for name, value in batch.items()} if is_pinned else batch

        return prefetched(prepare())

    def _attached(self) -> Trainer:
        assert self.trainer is not None
        return self.trainer

    def _place(self) -> tuple[int, int]:
        return self._attached().global_rank, self._attached().world_size

    def _threads(self) -> int:
        return self._spec.read_threads or max(1, default_read_threads() // self._place()[1])

    def teardown(self, stage: str) -> None:
        """End reading ahead in this process, which may be a spawned one."""
        self.close()

    def close(self) -> None:
        """End reading ahead, and close the slides that are open in this process."""
        self._stop_reading()
        self._reader.close()

    def _stop_reading(self) -> None:
        if self._chunks is not None:
            self._chunks.close()
            self._chunks = None


def _arrays(draws: Draws, tiles: np.ndarray) -> dict[str, np.ndarray]:
    changes = {name: getattr(draws.changes, name) for name in Changes.__slots__}
    return {"tiles": tiles, "piece": draws.piece, "index": draws.index, **changes}
