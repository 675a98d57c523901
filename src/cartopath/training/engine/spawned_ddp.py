"""DDP whose processes can import Lightning wherever this one can, and whose failure to start is an error instead of a silence."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import torch.multiprocessing
from lightning.pytorch import Trainer
from lightning.pytorch.strategies import DDPStrategy
from lightning.pytorch.strategies.launchers.multiprocessing import _GlobalStateSnapshot, _MultiProcessingLauncher
from torch.multiprocessing.spawn import start_processes

from cartopath.training.parcel import Parcel, SealedParcel


class SpawnedDDP(DDPStrategy):  # type: ignore[misc]
    """Lightning's `ddp_spawn`, started through cartopath."""

    def __init__(self) -> None:
        super().__init__(start_method="spawn")

    def _configure_launcher(self) -> None:
        assert self.cluster_environment is not None
        self._launcher = _Launcher(self, start_method="spawn")


class _Launcher(_MultiProcessingLauncher):  # type: ignore[misc]
    """Starts a process per device."""

    def launch(self, function: Callable[..., Any], *args: Any, trainer: Trainer | None = None, **kwargs: Any) -> Any:
        """Run a function in all processes and bring back what the first of them learned.

        Raises:
            ProcessException: A process failed, or ended before it began.
        """
        assert self._strategy.cluster_environment is not None and trainer is not None
        os.environ["MASTER_PORT"] = str(self._strategy.cluster_environment.main_port)
        results = torch.multiprocessing.get_context("spawn").SimpleQueue()
        parcel = Parcel((self, trainer, function, args, kwargs, results, _GlobalStateSnapshot.capture()))
        n = self._strategy.num_processes
        processes = start_processes(_work, args=(parcel,), nprocs=n, join=False)  # type: ignore[no-untyped-call]
        self.procs = processes.processes
        while not processes.join():
            pass
        output = results.get()
        self._already_fit = True
        self._recover_results_in_main_process(output, trainer)
        return output.trainer_results


def _work(rank: int, parcel: SealedParcel) -> None:
    """What a process does. To find this function it imports the package, which prepares torchvision before Lightning."""
    launcher, *work = parcel.opened()
    launcher._wrapping_function(rank, *work)
