"""One call of Lightning's `Trainer.fit` for a CycleGAN, and what happens at the end of its epochs."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.plugins.environments import LightningEnvironment

from cartopath.core.errors import TrainingError
from cartopath.models import flushed_denormals, weights_of
from cartopath.training.cyclegan.bundle import write_generators
from cartopath.training.cyclegan.pairs import PairLoader
from cartopath.training.cyclegan.spec import CycleGanSpec
from cartopath.training.cyclegan.tiles import Tiles
from cartopath.training.cyclegan.translation import StyleTranslation
from cartopath.training.engine.checkpoint_io import SafetensorsIO
from cartopath.training.engine.devices import Hardware, resolve_hardware
from cartopath.training.spec import TrainingSpec

Progress = Callable[[int, dict[str, float]], None]


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
    with _process_settings(spec, hardware):
        trainer = Trainer(
            accelerator=hardware.accelerator,
            devices=hardware.devices,
            precision=hardware.precision,
            max_epochs=spec.n_epochs,
            callbacks=[ending],
            # Without the environment, a SLURM job's variables would make Lightning wait for tasks that are other workers.
            plugins=[SafetensorsIO(key), LightningEnvironment()],
            default_root_dir=resume_path.parent,
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
        )
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


@contextlib.contextmanager
def _process_settings(spec: CycleGanSpec, hardware: Hardware) -> Generator[None, None, None]:
    """Threads, random state, warning filters and denormal numbers as the training wants them, and afterwards as they were."""
    threads = torch.get_num_threads()
    devices = range(torch.cuda.device_count()) if hardware.accelerator == "cuda" else []
    torch.set_num_threads(spec.threads)
    try:
        with torch.random.fork_rng(devices=devices), warnings.catch_warnings(), flushed_denormals():
            # Lightning 2.6 asks torch for a name that torch 2.13 calls deprecated, at every start.
            warnings.filterwarnings("ignore", message=r"`isinstance\(treespec, LeafSpec\)` is deprecated", category=FutureWarning)
            yield
    finally:
        torch.set_num_threads(threads)
