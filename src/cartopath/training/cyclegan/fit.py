"""One call of Lightning's `Trainer.fit` for a CycleGAN, and what happens at the end of its epochs."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from cartopath.core.errors import TrainingError
from cartopath.models import weights_of
from cartopath.training.cyclegan.bundle import write_generators
from cartopath.training.cyclegan.pairs import PairLoader
from cartopath.training.cyclegan.spec import CycleGanSpec
from cartopath.training.cyclegan.tiles import Tiles
from cartopath.training.cyclegan.translation import StyleTranslation
from cartopath.training.engine.devices import resolve_hardware
from cartopath.training.engine.process import process_settings
from cartopath.training.engine.progress import Progress
from cartopath.training.engine.trainer import quiet_trainer
from cartopath.training.spec import TrainingSpec


def fit(
    sets: tuple[Tiles, Tiles],
    spec: CycleGanSpec,
    *,
    folder: Path,
    resume_path: Path,
    names: tuple[str, str],
    key: str,
    progress: Progress | None,
) -> None:
    """Train until the end, from the state at `resume_path` where there is one, and write the bundle.

    Raises:
        TrainingError: The hardware is not there, or a loss is no longer a number.
    """
    hardware = resolve_hardware(TrainingSpec(accelerator=spec.accelerator, devices=spec.devices, precision=spec.precision))
    if hardware.n_devices != 1:
        raise TrainingError(f"a CycleGAN trains on one device. Got 'devices' {spec.devices!r} instead; name one")
    module, ending = StyleTranslation(spec), EpochEnd(resume_path, spec, progress)
    with process_settings(spec.threads, hardware):
        trainer = quiet_trainer(hardware, [ending], max_epochs=spec.n_epochs, folder=resume_path.parent, key=key)
        loader = PairLoader(*sets, spec, epoch=lambda: trainer.current_epoch)
        trainer.fit(module, train_dataloaders=loader, ckpt_path=resume_path if resume_path.is_file() else None)
    weights = {"a_to_b": weights_of(module.a_to_b), "b_to_a": weights_of(module.b_to_a)}
    card = {"recipe": spec.recipe(), "curve": ending.rows, "n_tiles": [len(tiles) for tiles in sets]}
    write_generators(folder, weights, generator=spec.generator, names=names, card=card, key=key)


class EpochEnd(Checkpoint):  # type: ignore[misc]
    """Records each epoch and writes the state from which a killed training goes on.

    Args:
        path: Of that state.
        spec: For the learning rate.
        progress: Called when everything is safely on disk.

    Attributes:
        rows: The curve so far.
    """

    def __init__(self, path: Path, spec: CycleGanSpec, progress: Progress | None) -> None:
        self._path, self._spec, self._progress = path, spec, progress
        self.rows: list[dict[str, float]] = []

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Record the epoch that ended."""
        assert isinstance(pl_module, StyleTranslation)
        epoch = trainer.current_epoch
        losses = pl_module.mean_losses()
        if not all(math.isfinite(loss) for loss in losses.values()):
            raise TrainingError(f"a loss of epoch {epoch} is no number ({losses}); lower 'lr' or set 'precision' to '32-true'")
        self.rows.append({"epoch": epoch, "lr": self._spec.lr_of(epoch), **losses})
        trainer.save_checkpoint(self._path, weights_only=False)
        if self._progress is not None:
            self._progress(epoch, dict(self.rows[-1]))

    def state_dict(self) -> dict[str, Any]:
        """Return the curve so far."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with a curve."""
        self.rows = list(state_dict["rows"])
