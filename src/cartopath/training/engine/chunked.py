"""A network that is trained chunk by chunk and validated after each: what every such training shares.

A *chunk* is what Lightning calls an epoch. `train_in_chunks` trains, `ChunkedModule` says what is learned and measured,
`ChunkData` what is shown.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from lightning.pytorch import LightningModule
from torch import nn

from cartopath.core.rng import seed_for
from cartopath.training.engine.process import prepare_process
from cartopath.training.spec import TrainingSpec


@dataclass(frozen=True, slots=True)
class ChunkResult:
    """What came of a chunk.

    Attributes:
        row: Its values for the curve; `validation_loss` is one of them.
        score: What the best chunk has the highest of.
    """

    row: dict[str, float]
    score: float


class ChunkedModule(LightningModule, abc.ABC):  # type: ignore[misc]
    """The Lightning module of a training in chunks.

    Args:
        network: What is trained.
        run: Learning rate, seed, threads.
        names: Of the random stream of the network: dropout and the like.

    Attributes:
        monitored: What is logged at the end of a validation, by which the learning rate falls and training ends.
        mode: Whether lower or higher is better.
    """

    monitored: ClassVar[str]
    mode: ClassVar[Literal["min", "max"]]

    def __init__(self, network: nn.Module, run: TrainingSpec, names: tuple[str | int, ...]) -> None:
        super().__init__()
        self.network = network
        self._run, self._names = run, names

    @property
    @abc.abstractmethod
    def watched(self) -> float:
        """The monitored value of the last validation."""

    @property
    @abc.abstractmethod
    def validation_loss(self) -> float:
        """Of the last validation."""

    @abc.abstractmethod
    def result(self) -> ChunkResult:
        """Return what came of the chunk that ended; called on all devices together."""

    @abc.abstractmethod
    def begin_chunk(self) -> None:
        """Begin to sum up a chunk."""

    def setup(self, stage: str) -> None:
        """Prepare this process, which may be a spawned one."""
        prepare_process(self._run.threads)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam with the defaults of torch; those of Keras differ in epsilon (1e-8; Keras 1e-7)."""
        return torch.optim.Adam(self.network.parameters(), lr=self._run.lr)

    def on_train_epoch_start(self) -> None:
        """Begin a chunk: the network draws from a stream of the chunk and device, so that a resumed training repeats it."""
        seed = seed_for(self._run.seed, *self._names, self.current_epoch, self.global_rank)
        torch.default_generator.manual_seed(seed)
        if self.device.type == "cuda":
            torch.cuda.manual_seed(seed)
        self.begin_chunk()
