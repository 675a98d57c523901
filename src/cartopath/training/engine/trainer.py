"""Lightning's `Trainer`, configured so that it trains and keeps quiet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, Trainer
from lightning.pytorch.plugins.environments import LightningEnvironment

from cartopath.training.engine.checkpoint_io import SafetensorsIO
from cartopath.training.engine.devices import Hardware
from cartopath.training.engine.spawned_ddp import SpawnedDDP


def quiet_trainer(
    hardware: Hardware, callbacks: Sequence[Callback], *, max_epochs: int, folder: Path, key: str, is_own_environment: bool = True
) -> Trainer:
    """Return a trainer without logs, bars, summaries or checkpoints other than those of `callbacks`.

    Args:
        hardware: Where it trains.
        callbacks: What happens between epochs.
        max_epochs: When it ends at the latest.
        folder: Of the training's state.
        key: Of the training.
        is_own_environment: Whether its devices are those of this machine, whatever a cluster's variables say: those of a SLURM
            job would make Lightning wait for tasks that are other Dask workers.
    """
    plugins: list[Any] = [SafetensorsIO(key)]
    if is_own_environment:
        plugins.append(LightningEnvironment())
    return Trainer(
        accelerator=hardware.accelerator,
        devices=hardware.devices,
        strategy=SpawnedDDP() if hardware.strategy == "ddp_spawn" else hardware.strategy,
        precision=hardware.precision,
        max_epochs=max_epochs,
        callbacks=list(callbacks),
        plugins=plugins,
        default_root_dir=folder,
        logger=False,
        enable_checkpointing=True,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
    )
