"""What happens between chunks: as in every training, but judged by the accuracy on right halves."""

from __future__ import annotations

import math
import time

from lightning.pytorch import LightningModule, Trainer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from cartopath.core.errors import TrainingError
from cartopath.training.engine.callbacks import ChunkEnd, Plateau
from cartopath.training.fingerprint.engine.module import Fingerprinting


class AccuracyPlateau(Plateau):
    """Lowers the learning rate when the accuracy no longer rises; counts as `Plateau` does."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Make the schedule, or take it up where it was."""
        spec = self._spec
        self._schedule = ReduceLROnPlateau(
            trainer.optimizers[0],
            mode="max",
            factor=spec.plateau_factor,
            patience=spec.plateau_patience - 1,
            threshold=spec.plateau_min_delta,
            threshold_mode="abs",
        )
        if self._restored:
            self._schedule.load_state_dict(self._restored)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Judge the chunk that ended."""
        assert isinstance(pl_module, Fingerprinting)
        if not math.isfinite(pl_module.metrics.loss):
            raise TrainingError(
                f"the validation loss after chunk {trainer.current_epoch} is {pl_module.metrics.loss}; lower 'lr' (now "
                f"{self._spec.lr:g}) or set 'precision' to '32-true'"
            )
        self._schedule.step(pl_module.metrics.accuracy)


class FingerprintChunkEnd(ChunkEnd):
    """Records each chunk, keeps the weights of the best one, and writes the checkpoint to go on from."""

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Record the chunk that ended."""
        assert isinstance(pl_module, Fingerprinting)
        chunk, metrics = trainer.current_epoch, pl_module.metrics
        train_loss, distance = pl_module.train_means()
        ending = "patience" if trainer.should_stop else "max_chunks" if chunk + 1 >= self._spec.max_chunks else ""
        row = {"chunk": chunk, "lr": self._lr, "train_loss": train_loss, "style_distance": distance}
        row |= {"validation_loss": metrics.loss, "validation_accuracy": metrics.accuracy}
        is_best = self.record.add(row, score=metrics.accuracy, seconds=time.monotonic() - self._began, ending=ending)
        if trainer.is_global_zero and is_best:
            self._work_dir.write_best(chunk, pl_module.network)
        trainer.save_checkpoint(self._work_dir.resume_path, weights_only=False)
        if trainer.is_global_zero:
            if ending:
                self._work_dir.finish(self.record)
            self._work_dir.remove_old_weights(self.record.best_chunk)
            if self.progress is not None:
                self.progress(chunk, {**row, "is_best": float(is_best)})
        trainer.strategy.barrier("chunk_end")
