"""One call of `Trainer.fit` for a fingerprint network, with the machinery of every training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.plugins.environments import LightningEnvironment
from torch.multiprocessing.spawn import ProcessException

from cartopath.core.errors import TrainingError
from cartopath.core.rng import seed_for
from cartopath.models.fingerprint import FingerprintSpec, build_fingerprint_network
from cartopath.training.engine.callbacks import Progress
from cartopath.training.engine.checkpoint_io import SafetensorsIO
from cartopath.training.engine.devices import Hardware, resolve_hardware
from cartopath.training.engine.fit import _interrupts, _process_settings, _progress_of
from cartopath.training.engine.spawned_ddp import SpawnedDDP
from cartopath.training.fingerprint.engine.callbacks import AccuracyPlateau, FingerprintChunkEnd
from cartopath.training.fingerprint.engine.data import FingerprintData
from cartopath.training.fingerprint.engine.module import MONITORED, Fingerprinting
from cartopath.training.fingerprint.pieces import Piece
from cartopath.training.fingerprint.places import Places
from cartopath.training.fingerprint.reading import Style
from cartopath.training.fingerprint.spec import FingerprintTraining
from cartopath.training.work_dir import WorkDir


def fit(
    pieces: Sequence[Piece],
    places: Places,
    network: FingerprintSpec,
    spec: FingerprintTraining,
    *,
    style: Style | None,
    work_dir: WorkDir,
    progress: Progress | None,
) -> None:
    """Train until the end, from the state in `work_dir` where there is one.

    Raises:
        TrainingError: The hardware is not there, the loss is no longer a number, or a spawned process failed.
        SlideError: A slide cannot be read.
    """
    run = spec.execution()
    hardware = resolve_hardware(run)
    data = FingerprintData(pieces, places, network, spec, style)
    seed = seed_for(spec.seed, "fingerprint network", *spec.stream)
    module = Fingerprinting(
        build_fingerprint_network(network, n_pieces=len(pieces), seed=seed),
        spec,
        size_px=network.size_px,
        n_validation=len(data.watched),
    )
    with _progress_of(hardware, progress) as report, _process_settings(run, hardware), _interrupts():
        trainer = _trainer(spec, hardware, work_dir, report)
        try:
            trainer.fit(module, datamodule=data, ckpt_path=work_dir.resume_path if work_dir.is_resumable else None)
        except ProcessException as error:
            last = str(error).strip().splitlines()[-1]
            raise TrainingError(f"a training process on one of {hardware.n_devices} devices failed: {last}") from error
        finally:
            data.close()


def _trainer(spec: FingerprintTraining, hardware: Hardware, work_dir: WorkDir, progress: Progress | None) -> Trainer:
    plugins: list[Any] = [SafetensorsIO(work_dir.key)]
    if spec.strategy == "auto":
        # Without this, a SLURM job's variables would make Lightning wait for tasks that are other Dask workers.
        plugins.append(LightningEnvironment())
    run = spec.execution()
    return Trainer(
        accelerator=hardware.accelerator,
        devices=hardware.devices,
        strategy=SpawnedDDP() if hardware.strategy == "ddp_spawn" else hardware.strategy,
        precision=hardware.precision,
        max_epochs=spec.max_chunks,
        callbacks=[
            AccuracyPlateau(run),
            EarlyStopping(MONITORED, mode="max", patience=spec.stop_patience, min_delta=spec.plateau_min_delta),
            FingerprintChunkEnd(work_dir, run, progress),
        ],
        plugins=plugins,
        default_root_dir=work_dir.folder,
        logger=False,
        enable_checkpointing=True,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
    )
