"""Whether a worker process starts, takes a task and gives its result back."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from cartopath.cli.doctor.verdict import Verdict

TIMEOUT_S = 30
_ADVICE = "let processes start and talk over 127.0.0.1 (firewall, container); --workers 0 works without any"


def started_worker() -> int:
    """Start one Dask worker as a study does, and return the number of its process.

    Raises:
        OSError: It does not start or does not answer.
    """
    import dask
    from distributed import Client, LocalCluster

    with dask.config.set({"distributed.logging": {"distributed": "critical"}}):
        cluster = LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0", silence_logs=50
        )
        with cluster, Client(cluster, timeout=TIMEOUT_S) as client:
            return int(client.submit(os.getpid).result(timeout=TIMEOUT_S))


def dask_worker(start: Callable[[], int] = started_worker) -> Verdict:
    """Start a worker and ask who it is."""
    begin = time.perf_counter()
    try:
        number = start()
    except (OSError, RuntimeError, ValueError, ImportError) as error:
        return Verdict("problem", f"no worker process starts: {type(error).__name__}: {error}", _ADVICE)
    if number == os.getpid():
        return Verdict("problem", "the worker runs inside this process", _ADVICE)
    return Verdict("ok", f"a worker process started and answered in {time.perf_counter() - begin:.1f} s")
