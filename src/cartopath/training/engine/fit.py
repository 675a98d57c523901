"""One call of `Trainer.fit`, configured so that Lightning trains and keeps quiet."""

from __future__ import annotations

import contextlib
import signal
import threading
import warnings
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.plugins.environments import LightningEnvironment
from torch.multiprocessing.spawn import ProcessException

from cartopath.core.errors import TrainingError
from cartopath.core.rng import seed_for
from cartopath.models import NetworkSpec, build_network, flushed_denormals
from cartopath.training.engine.callbacks import ChunkEnd, Plateau, Progress
from cartopath.training.engine.checkpoint_io import SafetensorsIO
from cartopath.training.engine.classification import MONITORED, TileClassification
from cartopath.training.engine.data import TileData
from cartopath.training.engine.devices import Hardware, resolve_hardware
from cartopath.training.engine.spawned_ddp import SpawnedDDP
from cartopath.training.spec import TrainingSpec
from cartopath.training.tiles import Example
from cartopath.training.validation import class_weights
from cartopath.training.work_dir import WorkDir

if TYPE_CHECKING:
    from multiprocessing.queues import SimpleQueue


def fit(
    train: Sequence[Example],
    validation: Sequence[Example],
    network: NetworkSpec,
    spec: TrainingSpec,
    *,
    work_dir: WorkDir,
    progress: Progress | None,
) -> None:
    """Train until the end, from the state in `work_dir` where there is one.

    Raises:
        TrainingError: The hardware is not there, the loss is no longer a number, or a spawned process failed.
        SlideError: A slide cannot be read.
    """
    hardware = resolve_hardware(spec)
    data = TileData(train, validation, spec)
    if data.order.smallest_batch < hardware.n_devices:
        raise TrainingError(
            f"batches of {data.order.smallest_batch} tiles cannot be shared by {hardware.n_devices} devices; use fewer devices"
        )
    module = TileClassification(
        build_network(network, seed=seed_for(spec.seed, "training", *spec.stream, "network")),
        spec,
        class_weights=class_weights(data.train_labels, balance=spec.balance),
        validation_labels=data.validation_labels,
        validation_slides=data.validation_slides,
        validation_index=data.validation_index,
    )
    # Batches arrive channels-last; convolutions are faster when the weights are too.
    module.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    with _progress_of(hardware, progress) as report, _process_settings(spec, hardware), _interrupts():
        trainer = _trainer(spec, hardware, work_dir, report)
        try:
            trainer.fit(module, datamodule=data, ckpt_path=work_dir.resume_path if work_dir.is_resumable else None)
        except ProcessException as error:
            last = str(error).strip().splitlines()[-1]
            raise TrainingError(f"a training process on one of {hardware.n_devices} devices failed: {last}") from error
        finally:
            data.close()


def _trainer(spec: TrainingSpec, hardware: Hardware, work_dir: WorkDir, progress: Progress | None) -> Trainer:
    plugins: list[Any] = [SafetensorsIO(work_dir.key)]
    if spec.strategy == "auto":
        # Without this, a SLURM job's variables would make Lightning wait for tasks that are other Dask workers.
        plugins.append(LightningEnvironment())
    return Trainer(
        accelerator=hardware.accelerator,
        devices=hardware.devices,
        strategy=SpawnedDDP() if hardware.strategy == "ddp_spawn" else hardware.strategy,
        precision=hardware.precision,
        max_epochs=spec.max_chunks,
        callbacks=[
            Plateau(spec),
            EarlyStopping(MONITORED, patience=spec.stop_patience),
            ChunkEnd(work_dir, spec, progress),
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


@contextlib.contextmanager
def _process_settings(spec: TrainingSpec, hardware: Hardware) -> Generator[None, None, None]:
    """Threads, random state, warning filters and denormal numbers as the training wants them, and afterwards as they were."""
    threads = torch.get_num_threads()
    devices = range(torch.cuda.device_count()) if hardware.accelerator == "cuda" else []
    torch.set_num_threads(spec.threads)
    try:
        with torch.random.fork_rng(devices=devices), warnings.catch_warnings(), flushed_denormals():
            yield
    finally:
        torch.set_num_threads(threads)


@contextlib.contextmanager
def _interrupts() -> Generator[None, None, None]:
    """Let Ctrl-C be a KeyboardInterrupt: Lightning turns it into an exit and leaves the signal ignored."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as leaving:
        if isinstance(leaving.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from leaving
        raise
    finally:
        signal.signal(signal.SIGINT, handler)


@contextlib.contextmanager
def _progress_of(hardware: Hardware, progress: Progress | None) -> Generator[Progress | None, None, None]:
    """Yield what the first device calls: `progress` itself, or, from a spawned process, a line to it."""
    if progress is None or not hardware.spawns:
        yield progress
        return
    lines: SimpleQueue[Any] = torch.multiprocessing.get_context("spawn").SimpleQueue()
    errors: list[Exception] = []

    def listen() -> None:
        while (line := lines.get()) is not None:
            try:
                if not errors:
                    progress(*line)
            except Exception as error:  # noqa: BLE001 - raised below; until then the queue must not fill up
                errors.append(error)

    listener = threading.Thread(target=listen, name="cartopath-progress", daemon=True)
    listener.start()
    try:
        yield _Line(lines)
    finally:
        lines.put(None)
        listener.join()
    if errors:
        raise errors[0]


class _Line:
    def __init__(self, lines: SimpleQueue[Any]) -> None:
        self._lines = lines

    def __call__(self, chunk: int, metrics: dict[str, float]) -> None:
        self._lines.put((chunk, metrics))
