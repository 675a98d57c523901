"""How well reading keeps up with training: steps on tiles from slides against the same steps on tensors in memory.

Both run the product's Lightning module in a Lightning trainer and differ in nothing but where batches come from.
"""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from lightning.pytorch import Callback, LightningDataModule, Trainer
from lightning.pytorch.plugins.environments import LightningEnvironment

from cartopath.benchmark.networks.prediction import MEMORY, SLIDE, NetworkJob, torch_threads
from cartopath.benchmark.race import Contender, Race, Work, race
from cartopath.models import build_network, flushed_denormals
from cartopath.training import Example, TrainingSpec
from cartopath.training.engine.classification import TileClassification
from cartopath.training.engine.data import TileData
from cartopath.training.engine.devices import resolve_hardware

_HELD_BATCHES = 16
_TRIAL_BATCHES = 3
_MIN_BATCHES = 4
_HELD_TO_MIX = 2
"""Batches in the memory that tiles are mixed in: so few that a turn is not spent on filling it, as a whole training is not."""


def measure_training(job: NetworkJob, examples: Sequence[Example], *, batch_size: int, seconds: float) -> Race:
    """Let training steps on tiles from slides and the same on tensors in memory take turns. Nothing is validated or kept.

    Args:
        job: The network, where it runs, and how long a turn should take; its tiles are not used.
        examples: Labelled slides.
        batch_size: Tiles per step.
        seconds: About how long all turns may take.

    Raises:
        TrainingError: The tiles are too few, or the device is not there.
        SlideError: A slide cannot be read.
    """
    n_tiles = sum(example.slide.n_tiles for example in examples)
    trial = _Training(job, examples, batch_size, n_batches=min(_TRIAL_BATCHES, n_tiles // batch_size))
    held = trial.batches(_HELD_BATCHES)
    trial.run(_Memory(held))
    rate = trial.n_batches / max(trial.seconds, 1e-9)
    # A turn takes each tile once at most: whether it is read again is the order's affair.
    n_batches = max(min(_MIN_BATCHES, n_tiles // batch_size), min(n_tiles // batch_size, round(rate * job.turn_seconds)))
    whole = _Training(job, examples, batch_size, n_batches=n_batches)

    @contextmanager
    def from_slides() -> Generator[Work]:
        data = whole.data()
        try:
            yield lambda: whole.run(data)
        finally:
            data.close()

    @contextmanager
    def from_memory() -> Generator[Work]:
        yield lambda: whole.run(_Memory([held[i % len(held)] for i in range(n_batches)]))

    return race([Contender(SLIDE, from_slides), Contender(MEMORY, from_memory)], seconds=seconds, timed=lambda: whole.seconds)


class _Memory(LightningDataModule):  # type: ignore[misc]
    """Batches that are in memory."""

    def __init__(self, batches: list[dict[str, torch.Tensor]]) -> None:
        super().__init__()
        self._batches = batches

    def train_dataloader(self) -> _Batches:
        return _Batches(self._batches)


@dataclass(frozen=True)
class _Batches:
    """A loader; a plain list would mean several loaders to Lightning."""

    batches: list[dict[str, torch.Tensor]]

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        return iter(self.batches)

    def __len__(self) -> int:
        return len(self.batches)


class _Training:
    """Trainings of one network on the same slides.

    Attributes:
        n_batches: Steps of each.
        seconds: That the steps of the last one took: from before the first batch is asked for until the last step is done.
    """

    def __init__(self, job: NetworkJob, examples: Sequence[Example], batch_size: int, *, n_batches: int) -> None:
        self.n_batches, self.seconds = n_batches, 0.0
        self._job, self._examples = job, examples
        accelerator = {"cuda": "gpu"}.get(job.where.type, job.where.type)
        self._spec = TrainingSpec(
            batch_size=batch_size,
            shuffle_tiles=_HELD_TO_MIX * batch_size,
            validations_per_epoch=1,
            max_chunks=1,
            threads=job.threads,
            accelerator=accelerator,
        )

    def data(self) -> TileData:
        """Return the product's data of a training."""
        return TileData(self._examples, self._examples[:1], self._spec)

    def batches(self, n: int) -> list[dict[str, torch.Tensor]]:
        """Return the first batches that a training is given."""
        kept: list[dict[str, torch.Tensor]] = []
        data = self.data()
        self._fit(data, _Keeping(kept), n_batches=min(n, data.order.n_batches), is_trained=False)
        data.close()
        return kept

    def run(self, data: Any) -> int:
        """Train, and return how many tiles it took."""
        timer = _Timer()
        self._fit(data, timer, n_batches=self.n_batches)
        self.seconds = timer.seconds
        return timer.n_tiles

    def _fit(self, data: Any, callback: Callback, *, n_batches: int, is_trained: bool = True) -> None:
        hardware = resolve_hardware(self._spec)
        module = TileClassification(
            build_network(self._job.network, seed=0),
            self._spec,
            class_weights=(1.0, 1.0),
            validation_labels=torch.zeros(0).numpy(),
            validation_slides=torch.zeros(0).numpy(),
            validation_index=torch.zeros(0, dtype=torch.int64).numpy(),
        )
        module.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if not is_trained:
            module.training_step = lambda batch, batch_idx: None  # type: ignore[method-assign, assignment, return-value]
        with tempfile.TemporaryDirectory() as folder, torch_threads(self._job.threads), flushed_denormals(), _quiet():
            Trainer(
                accelerator=hardware.accelerator,
                devices=hardware.devices,
                precision=hardware.precision,
                max_epochs=1,
                limit_train_batches=n_batches,
                limit_val_batches=0,
                callbacks=[callback],
                plugins=[LightningEnvironment()],
                default_root_dir=folder,
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                use_distributed_sampler=False,
            ).fit(module, datamodule=data)


class _Timer(Callback):  # type: ignore[misc]
    """How long the steps of a training take, all of them, the wait for the first batch included."""

    def __init__(self) -> None:
        self.n_tiles, self.seconds = 0, 0.0
        self._began = 0.0

    def on_train_epoch_start(self, *_: Any) -> None:
        self._began = time.perf_counter()

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, index: int) -> None:
        self.n_tiles += len(batch["label"])

    def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
        module.train_loss()  # waits for a GPU to be done
        self.seconds = time.perf_counter() - self._began


class _Keeping(Callback):  # type: ignore[misc]
    """Keeps batches instead of learning from them."""

    def __init__(self, kept: list[dict[str, torch.Tensor]]) -> None:
        self._kept = kept

    def on_train_batch_start(self, trainer: Any, module: Any, batch: dict[str, torch.Tensor], index: int) -> None:
        self._kept.append({name: values.clone() for name, values in batch.items()})


@contextmanager
def _quiet() -> Generator[None]:
    """Leave out what Lightning and torch say to those who write trainers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
