"""What a fingerprint network is shown: drawn tiles of pieces, with a second style where pairs are made of one."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from cartopath.models.fingerprint.spec import FingerprintSpec
from cartopath.training.engine.feeding import Batch, Batches, ChunkData, ValidationLoader
from cartopath.training.fingerprint.changes import Changes
from cartopath.training.fingerprint.draws import Draws, TileDraws
from cartopath.training.fingerprint.pieces import Piece
from cartopath.training.fingerprint.places import Places
from cartopath.training.fingerprint.reading import PieceReader, Style, restyled
from cartopath.training.fingerprint.spec import FingerprintTraining
from cartopath.training.prefetch import prefetched


class FingerprintData(ChunkData):
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
        super().__init__(spec.execution())
        self.network = network
        self._spec, self._style = spec, style
        self.draws = TileDraws(pieces, places, network, spec)
        self.watched = self.draws.validation()
        self._reader = PieceReader(pieces, network, open_slides=spec.open_slides)

    @property
    def n_batches(self) -> int:
        """Batches of a chunk."""
        return self.draws.n_batches

    def validation_loader(self) -> ValidationLoader:
        """Return the loader of this device's part of every validation; it has as many batches as the others'."""
        size = self._spec.batch_size
        batches = [self._share(self.watched.rows(slice(at, at + size))) for at in range(0, len(self.watched), size)]
        read_px = self.network.size_px
        return ValidationLoader(lambda: self.prepared([(None, draws) for draws in batches], read_px=read_px), len(batches))

    def batches_from(self, chunk: int) -> Batches:
        """Return this device's batches from the start of a chunk to the end of the training."""
        numbered = (
            (number, self._share(draws)) for number in range(chunk, self._spec.max_chunks) for draws in self.draws.chunk(number)
        )
        return self.prepared(numbered, read_px=self._spec.augmentation.read_px(self.network.size_px))

    def _share(self, draws: Draws) -> Draws:
        """This device's part of a batch; where there are fewer tiles than devices, one is seen twice, to the same effect."""
        if len(draws) < self.world_size:
            return draws.rows(np.array([self.rank % len(draws)]))
        return draws.rows(slice(self.rank, None, self.world_size))

    def prepared(self, batches: Iterable[tuple[int | None, Draws]], *, read_px: int) -> Batches:
        """Yield batches, prepared in a thread while the network works on those before.

        Args:
            batches: The chunk, None for a validation, and what to read.
            read_px: Side of the squares to read.

        Yields:
            `tiles` (n, n_styles, read_px, read_px, 3) uint8, `piece` (n,) and `index` (n,) int64, and the arrays of `Changes`.
        """
        threads, is_pinned = self.read_threads, self.is_pinned

        def prepare() -> Generator[Batch, None, None]:
            with ThreadPoolExecutor(threads, thread_name_prefix="cartopath-pieces") as pool:
                for chunk, draws in batches:
                    tiles = self._reader.read(draws, read_px=read_px, pool=pool)
                    if chunk is not None and self._style is not None:
                        names = (*self._spec.stream, chunk)
                        tiles = restyled(tiles, draws, self._style, seed=self._spec.seed, names=names)
                    batch = {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in _arrays(draws, tiles).items()}
                    yield {name: value.pin_memory() for name, value in batch.items()} if is_pinned else batch

        return prefetched(prepare())

    def close_slides(self) -> None:
        """Close the slides that are open in this process."""
        self._reader.close()


def _arrays(draws: Draws, tiles: np.ndarray) -> dict[str, np.ndarray]:
    changes = {name: getattr(draws.changes, name) for name in Changes.__slots__}
    return {"tiles": tiles, "piece": draws.piece, "index": draws.index, **changes}
