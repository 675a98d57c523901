"""Where tasks run: in this process, or in worker processes under Dask.

Worker processes also contain the crashes of C libraries: a task that kills its worker is tried again on a new one and, when it
kills that one too, fails alone.
"""

from __future__ import annotations

import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol, Self

from cartopath.core.cores import usable_cores
from cartopath.core.errors import CartopathError, ConfigError
from cartopath.study import progress
from cartopath.study.config import ComputeConfig
from cartopath.study.tasks import Outcome, Result, Task, missing_outputs

if TYPE_CHECKING:
    from distributed import Client

Listener = Callable[[dict[str, Any]], None]

Attempted = tuple[str, str, float, Result]
"""Status, reason, seconds and figures of a task that was tried."""

_CONNECT_S = 20
"""How long to wait for a scheduler to answer."""

_KILLED: Attempted = (
    "failed",
    "its worker process was killed twice while working on it: a crash of a C library, or out of memory",
    0.0,
    {},
)


_WORKER_ENVIRONMENT = {
    # One task per core; more threads inside each would only get in each other's way.
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), 1),
    # Keep freed memory for the next batch. Dask's default hands it back to the system at every chance, and the page faults of
    # getting it again cost training and prediction two fifths of their time.
    "MALLOC_TRIM_THRESHOLD_": 1 << 28,
    "MALLOC_MMAP_THRESHOLD_": 1 << 25,
}


class Executor(Protocol):
    """Runs tasks and yields their outcomes as they end."""

    def run(self, tasks: Iterable[Task]) -> Iterator[Outcome]:
        """Run tasks in any order and yield what became of each."""
        ...

    def __enter__(self) -> Self:
        """Start what is needed."""
        ...

    def __exit__(self, *details: object) -> None:
        """Stop it."""
        ...


def make_executor(compute: ComputeConfig, listener: Listener) -> Executor:
    """Return the executor that a study asks for.

    Args:
        compute: `workers` 0 runs everything in this process; `scheduler` joins a cluster; otherwise own workers are started.
        listener: Receives the news that tasks publish.
    """
    if compute.workers == 0 and compute.scheduler is None:
        return SerialExecutor(listener)
    return DaskExecutor(compute, listener)


def attempt(function: Callable[..., Result | None], arguments: dict[str, Any]) -> Attempted:
    """Call a task's function and return status, reason, seconds and figures instead of raising.

    Errors that cartopath raises on purpose give their message; any other gives its traceback too, since it is a bug or a
    surprise of the system.
    """
    start = time.perf_counter()
    try:
        figures = function(**arguments) or {}
    except CartopathError as error:
        return "failed", str(error), time.perf_counter() - start, {}
    except Exception as error:  # noqa: BLE001 - one slide must not end a cohort; the reason goes to the ledger.
        where = "".join(traceback.format_exception(error)[-4:])
        return "failed", f"unexpected {type(error).__name__}: {error}\n{where}", time.perf_counter() - start, {}
    return "done", "", time.perf_counter() - start, figures


class SerialExecutor:
    """Runs tasks one after the other in this process."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        return None

    def run(self, tasks: Iterable[Task]) -> Iterator[Outcome]:
        """Run tasks in order."""
        for task in tasks:
            arguments = {**task.arguments, "devices": None} if task.uses_gpu else dict(task.arguments)
            with progress.listening(self._listener):
                result = attempt(task.function, arguments)
            yield _outcome(task, *result)


class DaskExecutor:
    """Runs tasks in worker processes, here or on a cluster. Workers start with the first task."""

    def __init__(self, compute: ComputeConfig, listener: Listener) -> None:
        self._compute = compute
        self._listener = listener
        self._client: Client | None = None
        self._cluster: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        if self._client is not None:
            self._client.close(timeout=10)
        if self._cluster is not None:
            self._cluster.close(timeout=30)
        self._client = self._cluster = None

    def run(self, tasks: Iterable[Task]) -> Iterator[Outcome]:
        """Submit tasks, as many at a time as keep all workers busy, and yield outcomes as they come.

        A worker that dies takes along every task that was assigned to it. All of them are tried again, each with the workers to
        itself, so that only the one that kills its worker fails.
        """
        waiting = deque(tasks)
        if not waiting:
            return
        client = self._connect()
        slots = _device_slots(self._compute) if any(task.uses_gpu for task in waiting) else None
        suspects: list[Task] = []
        for task, result in self._results(client, waiting, slots):
            if result is None:
                suspects.append(task)
            else:
                yield _outcome(task, *result)
        for suspect in suspects:
            for task, result in self._results(client, deque([suspect]), slots):
                yield _outcome(task, *(_KILLED if result is None else result))

    def _results(
        self, client: Client, waiting: deque[Task], slots: deque[list[int]] | None
    ) -> Iterator[tuple[Task, Attempted | None]]:
        """Yield tasks as they end with what `attempt` returned, or None where the worker died."""
        from distributed import as_completed

        running: dict[Any, tuple[Task, list[int] | None]] = {}
        completed = as_completed()

        def has_room() -> bool:
            if slots is not None:
                return bool(slots)
            n_cores = int(sum(client.ncores().values()))  # Asked every time: a cluster may grow.
            return len(running) < max(2 * n_cores, 2)

        def submit_next() -> None:
            task = waiting.popleft()
            devices = slots.popleft() if slots is not None and task.uses_gpu else None
            arguments = {**task.arguments, "devices": devices} if task.uses_gpu else dict(task.arguments)
            future = client.submit(attempt, task.function, arguments, pure=False, retries=0)
            running[future] = (task, devices)
            completed.add(future)

        while waiting or running:
            while waiting and has_room():
                submit_next()
            future = next(completed)
            task, devices = running.pop(future)
            if slots is not None and devices is not None:
                slots.append(devices)
            yield task, _collected(future)

    def _connect(self) -> Client:
        if self._client is not None:
            return self._client
        import dask
        from distributed import Client, LocalCluster

        dask.config.set(
            {
                "distributed.scheduler.allowed-failures": 0,  # `run` tries again itself, one by one.
                "distributed.worker.daemon": False,  # Data loaders of a training may need processes of their own.
                "distributed.worker.memory.target": False,
                "distributed.worker.memory.spill": False,
                "distributed.worker.memory.pause": False,
                "distributed.worker.memory.terminate": 0.95,
                "distributed.nanny.pre-spawn-environ": _WORKER_ENVIRONMENT,
                "distributed.admin.tick.limit": "1h",
                "distributed.logging": {"distributed": "critical"},
            }
        )
        if self._compute.scheduler is not None:
            try:
                self._client = Client(self._compute.scheduler, timeout=_CONNECT_S)
            except (OSError, TimeoutError, ValueError) as error:
                raise ConfigError(
                    f"compute.scheduler: no Dask scheduler answers at {self._compute.scheduler}: {error}"
                ) from error
        else:
            workers = self._compute.workers or usable_cores()
            self._cluster = LocalCluster(
                n_workers=workers, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0", silence_logs=50
            )
            self._client = Client(self._cluster)
        self._client.subscribe_topic(progress.TOPIC, lambda event: self._listener(event[1]))
        return self._client


def _collected(future: Any) -> Attempted | None:
    """Return what `attempt` returned, or None where the worker died."""
    from distributed.scheduler import KilledWorker

    try:
        result: Attempted = future.result()
    except KilledWorker:
        return None
    except Exception as error:  # noqa: BLE001 - what Dask itself could not do, for one task: its reason goes to the ledger.
        return "failed", f"unexpected {type(error).__name__}: {error}", 0.0, {}
    return result


def _outcome(task: Task, status: str, reason: str, seconds: float, figures: Result) -> Outcome:
    if status == "done":
        missing = missing_outputs(task)
        if not missing:
            return Outcome(task, "done", "", seconds, figures)
        reason = f"it ended without writing {missing[0]}; do the workers see the same file system?"
    return Outcome(task, "failed", reason, seconds, figures)


def _device_slots(compute: ComputeConfig) -> deque[list[int]] | None:
    """Return the groups of GPUs that tasks may take, or None where tasks choose for themselves."""
    if compute.accelerator == "cpu" or compute.scheduler is not None:
        return None
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if count == 0:
        if compute.accelerator == "gpu":
            raise ConfigError("compute.accelerator is gpu, but PyTorch sees no GPU here; set it to auto")
        return None
    if count < compute.devices:
        raise ConfigError(f"compute.devices asks for {compute.devices} GPUs per training, but this machine has {count}")
    return deque(list(range(first, first + compute.devices)) for first in range(0, count - compute.devices + 1, compute.devices))
