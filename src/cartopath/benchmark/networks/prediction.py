"""How well reading keeps up with a network that predicts: scores from a slide against the bare network on tensors in memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import cycle, islice

import numpy as np
import torch
from torch import Tensor, nn

from cartopath.benchmark.race import Contender, Race, Work, race
from cartopath.methods.scoring import default_batch_size, tile_batches, uses_gpu
from cartopath.models import NetworkSpec, build_network, flushed_denormals
from cartopath.training import SlideTiles, predict_tiles
from cartopath.training.precision import autocast_dtype, resolve_precision

SLIDE, MEMORY = "from the slide", "from memory"
TURN_SECONDS = 5.0
_HELD_BATCHES = 16


@dataclass(frozen=True)
class NetworkJob:
    """A network, and the tiles that it is fed.

    Attributes:
        network: With random weights.
        tiles: Of one slide, in order; as many as a turn needs are taken, again from the start where they do not suffice.
        threads: Of torch on the CPU.
        device: `auto`, `cpu` or `cuda:i`.
        turn_seconds: About how long one turn takes.
    """

    network: NetworkSpec
    tiles: SlideTiles
    threads: int
    device: str = "auto"
    turn_seconds: float = TURN_SECONDS

    @property
    def where(self) -> torch.device:
        """Where it runs."""
        return torch.device(self.device if self.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu")

    @property
    def batch_size(self) -> int:
        """Tiles per step of a prediction, as the product has it."""
        return default_batch_size(self.tiles.size_px, is_gpu=uses_gpu(self.device))

    def with_tiles(self, n_tiles: int) -> NetworkJob:
        """Return the job with so many tiles."""
        number = np.arange(n_tiles) % self.tiles.n_tiles
        return replace(self, tiles=replace(self.tiles, xy_px0=self.tiles.xy_px0[number]))


def measure_prediction(job: NetworkJob, *, seconds: float) -> Race:
    """Let prediction from the slide and the bare network on tensors in memory take turns.

    Args:
        job: Network and tiles.
        seconds: About how long all turns may take.

    Raises:
        SlideError: The slide cannot be read.
    """
    network = build_network(job.network, seed=0)
    some = job.with_tiles(min(job.tiles.n_tiles, _HELD_BATCHES * job.batch_size))
    held = [torch.from_numpy(np.ascontiguousarray(batch)).to(job.where) for batch in tile_batches(some.tiles, job.batch_size)]
    with _bare(network, job) as score:
        rate = _rate(lambda: score(held[0]), len(held[0]))
    n_batches = max(2, round(rate * job.turn_seconds / job.batch_size))
    whole = job.with_tiles(n_batches * job.batch_size)

    @contextmanager
    def from_slide() -> Generator[Work]:
        yield lambda: _predict(network, whole)

    @contextmanager
    def from_memory() -> Generator[Work]:
        with _bare(network, job) as score:
            yield lambda: sum(score(batch) for batch in islice(cycle(held), n_batches))

    return race([Contender(SLIDE, from_slide), Contender(MEMORY, from_memory)], seconds=seconds)


def _predict(network: nn.Module, job: NetworkJob) -> int:
    return len(predict_tiles([network], tile_batches(job.tiles, job.batch_size), device=job.device, threads=job.threads))


@contextmanager
def _bare(network: nn.Module, job: NetworkJob) -> Iterator[Callable[[Tensor], int]]:
    """Give a function that sends a batch through the network, as prediction does, and returns how many tiles it was."""
    autocast = autocast_dtype(resolve_precision("auto", job.where.type))
    network.eval().to(job.where, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def score(tiles: Tensor) -> int:
        with torch.autocast(job.where.type, dtype=autocast, enabled=autocast is not None):
            return len(network(tiles.permute(0, 3, 1, 2)).float().cpu())

    with ExitStack() as stack:
        stack.enter_context(torch_threads(job.threads))
        stack.enter_context(flushed_denormals())
        stack.enter_context(torch.inference_mode())
        yield score


@contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """Let torch use so many threads while the block runs."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _rate(call: Callable[[], int], n_items: int) -> float:
    """Return items per second of a call, the first left out."""
    call()
    began = time.perf_counter()
    call()
    return n_items / max(time.perf_counter() - began, 1e-9)
