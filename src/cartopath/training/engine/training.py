"""One training in chunks, from the state on disk where there is one to the end."""

from __future__ import annotations

from lightning.pytorch.callbacks import EarlyStopping
from torch.multiprocessing.spawn import ProcessException, ProcessRaisedException

from cartopath.core.errors import TrainingError
from cartopath.training.engine.callbacks import ChunkEnd, Plateau
from cartopath.training.engine.chunked import ChunkedModule
from cartopath.training.engine.devices import Hardware
from cartopath.training.engine.feeding import ChunkData
from cartopath.training.engine.process import process_settings
from cartopath.training.engine.progress import Progress, progress_line
from cartopath.training.engine.trainer import quiet_trainer
from cartopath.training.spec import TrainingSpec
from cartopath.training.work_dir import WorkDir


def train_in_chunks(
    module: ChunkedModule,
    data: ChunkData,
    run: TrainingSpec,
    hardware: Hardware,
    *,
    work_dir: WorkDir,
    progress: Progress | None,
    stop_min_delta: float = 0.0,
) -> None:
    """Train until the end; all that is learned is then in `work_dir`.

    Args:
        module: What is learned.
        data: What is shown.
        run: When the rate falls, when training ends, where it runs.
        hardware: What that comes down to here.
        work_dir: Where the state is kept.
        progress: Called after each chunk with its number and its row of the curve plus `is_best`.
        stop_min_delta: How much better than the best before counts as better for the end.

    Raises:
        TrainingError: The loss is no longer a number, or a spawned process failed.
        SlideError: A slide cannot be read.
    """
    stopping = EarlyStopping(module.monitored, mode=module.mode, patience=run.stop_patience, min_delta=stop_min_delta)
    with progress_line(hardware, progress) as report, process_settings(run.threads, hardware):
        trainer = quiet_trainer(
            hardware,
            [Plateau(run), stopping, ChunkEnd(work_dir, run, report)],
            max_epochs=run.max_chunks,
            folder=work_dir.folder,
            key=work_dir.key,
            is_own_environment=run.strategy == "auto",
        )
        try:
            trainer.fit(module, datamodule=data, ckpt_path=work_dir.resume_path if work_dir.is_resumable else None)
        except ProcessException as error:
            raise TrainingError(_failure(error, hardware.n_devices)) from error
        finally:
            data.close()


def _failure(error: ProcessException, n_devices: int) -> str:
    what = f"a training process on one of {n_devices} devices failed: {str(error).strip().splitlines()[-1]}"
    if isinstance(error, ProcessRaisedException):
        return what
    return (
        f"{what}. If it ended at its start, with an error above: a program that trains on several devices must be a file that "
        f'does so under `if __name__ == "__main__":`; or use one device'
    )
