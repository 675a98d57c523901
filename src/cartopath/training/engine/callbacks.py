"""What happens between chunks: the learning rate, the best weights, the curve, and the checkpoint to resume from."""

from __future__ import annotations

import math
import time
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, Checkpoint
from torch.optim.lr_scheduler import ReduceLROnPlateau

from cartopath.core.errors import TrainingError
from cartopath.training.engine.chunked import ChunkedModule
from cartopath.training.engine.progress import Progress
from cartopath.training.spec import TrainingSpec
from cartopath.training.work_dir import TrainingRecord, WorkDir


class Plateau(Callback):  # type: ignore[misc]
    """Lowers the learning rate when the watched value no longer gets better.

    Counts as Keras does: the rate falls after `plateau_patience` chunks in a row without a value better by `plateau_min_delta`,
    which for torch is a patience one smaller. A scheduler handed to Lightning would step after the checkpoint is written, and a
    resume would lose that step.
    """

    def __init__(self, spec: TrainingSpec) -> None:
        self._spec = spec
        self._restored: dict[str, Any] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Make the schedule, or take it up where it was; the optimizer has been restored by now."""
        assert isinstance(pl_module, ChunkedModule)
        spec = self._spec
        self._schedule = ReduceLROnPlateau(
            trainer.optimizers[0],
            mode=pl_module.mode,
            factor=spec.plateau_factor,
            patience=spec.plateau_patience - 1,
            threshold=spec.plateau_min_delta,
            threshold_mode="abs",
        )
        if self._restored:
            self._schedule.load_state_dict(self._restored)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Judge the chunk that ended."""
        assert isinstance(pl_module, ChunkedModule)
        loss = pl_module.validation_loss
        if not math.isfinite(loss):
            raise TrainingError(
                f"the validation loss after chunk {trainer.current_epoch} is {loss}; lower 'lr' (now {self._spec.lr:g}) "
                f"or set 'precision' to '32-true'"
            )
        self._schedule.step(pl_module.watched)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the schedule."""
        return dict(self._schedule.state_dict())

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keep a state until there is an optimizer to apply it to."""
        self._restored = state_dict


class ChunkEnd(Checkpoint):  # type: ignore[misc]
    """Records each chunk, keeps the best weights, and writes the checkpoint from which a killed training goes on.

    Being a `Checkpoint`, it is the last callback of a chunk: what it saves is the state that the next chunk begins with.

    Args:
        work_dir: Where everything is kept.
        spec: When training ends.
        progress: Called on the first device after each chunk, when all of it is safely on disk.
    """

    def __init__(self, work_dir: WorkDir, spec: TrainingSpec, progress: Progress | None) -> None:
        self._work_dir, self._spec, self.progress = work_dir, spec, progress
        self.record = TrainingRecord()

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note when the chunk began, and with which learning rate."""
        self._began = time.monotonic()
        self._lr = float(trainer.optimizers[0].param_groups[0]["lr"])

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Record the chunk that ended."""
        assert isinstance(pl_module, ChunkedModule)
        chunk, result = trainer.current_epoch, pl_module.result()
        ending = "patience" if trainer.should_stop else "max_chunks" if chunk + 1 >= self._spec.max_chunks else ""
        row = {"chunk": chunk, "lr": self._lr, **result.row}
        is_best = self.record.add(row, score=result.score, seconds=time.monotonic() - self._began, ending=ending)
        if trainer.is_global_zero and is_best:
            self._work_dir.write_best(chunk, pl_module.network)
        if not ending:  # Killed before the end is on disk, a training repeats its last chunk: there is no state to go on from.
            trainer.save_checkpoint(self._work_dir.resume_path, weights_only=False)
        if trainer.is_global_zero:
            if ending:
                self._work_dir.finish(self.record)
            self._work_dir.remove_old_weights(self.record.best_chunk)
            if self.progress is not None:
                self.progress(chunk, {**row, "is_best": float(is_best)})
        trainer.strategy.barrier("chunk_end")

    def state_dict(self) -> dict[str, Any]:
        """Return the record so far."""
        return self.record.to_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with a record."""
        self.record = TrainingRecord.from_dict(state_dict)
