"""Devices, cores, memory, threads and open files, as containers and schedulers limit them."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cartopath.cli.doctor.verdict import Verdict
from cartopath.core.cores import CGROUP, usable_cores, words_of

WORKER_GB = 1.5
"""Memory that one worker takes, see benchmarks/memory.py."""
_NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")
_MIN_OPEN_FILES = 1024
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_NO_LIMIT = 1 << 60


def devices(load: Callable[[str], Any] = importlib.import_module, driver: Path = _NVIDIA_DRIVER) -> Verdict:
    """Ask torch for GPUs and their memory, and compute on each."""
    torch = load("torch")
    if torch.cuda.is_available():
        found = []
        for index in range(torch.cuda.device_count()):
            properties = torch.cuda.get_device_properties(index)
            torch.ones(8, device=f"cuda:{index}").sum().item()
            found.append(f"{properties.name} {properties.total_memory / 1e9:.0f} GB")
        return Verdict("ok", f"{len(found)} CUDA: {', '.join(found)}")
    if driver.exists():
        cuda = torch.version.cuda
        advice = "install a CUDA build of torch and torchvision" if cuda is None else "update the NVIDIA driver to fit torch"
        return Verdict("warning", f"an NVIDIA driver is here, but torch {torch.__version__} sees no GPU", advice)
    if torch.backends.mps.is_available():
        return Verdict("ok", "Apple GPU (MPS), memory shared with the processor")
    return Verdict("ok", "no GPU: everything runs on the processor, trainings of real cohorts slowly")


def cores(usable: int | None = None, total: int | None = None) -> Verdict:
    """Compare the cores that may be used, of which each gets a worker by default, with those that the machine shows."""
    usable, total = usable or usable_cores(), total or os.cpu_count() or 1
    return Verdict("ok", f"{usable}" if usable == total else f"{usable} of {total} may be used here")


def memory_limit(cgroup: Path = CGROUP) -> int:
    """Return how many bytes this machine, or the control group on it, allows."""
    import psutil  # type: ignore[import-untyped]  # a need of distributed

    stated = words_of(cgroup / "memory.max") or words_of(cgroup / "memory" / "memory.limit_in_bytes")
    limit = int(stated[0]) if stated and stated[0].isdigit() else _NO_LIMIT
    return min(limit, int(psutil.virtual_memory().total))


def memory(limit: int | None = None, workers: int | None = None) -> Verdict:
    """Compare the memory with what a worker on each core takes."""
    limit, workers = limit or memory_limit(), workers or usable_cores()
    found = f"{limit / 1e9:.1f} GB for {workers} workers of about {WORKER_GB} GB"
    fit = int(limit / 1e9 / WORKER_GB)
    if fit < 1:
        return Verdict("problem", found, f"give it at least {WORKER_GB + 0.5} GB")
    if fit < workers:
        return Verdict("warning", found, f"set compute.workers: {fit}, or --workers {fit}")
    return Verdict("ok", found)


def threads(environment: Mapping[str, str] | None = None, usable: int | None = None) -> Verdict:
    """Look for thread settings that are wrong or ask for more threads than there are cores."""
    environment, usable = os.environ if environment is None else environment, usable or usable_cores()
    stated = {name: environment[name] for name in _THREAD_VARIABLES if name in environment}
    found = ", ".join(f"{name}={value}" for name, value in stated.items()) or "no setting: libraries choose"
    numbers = [value.partition(",")[0] for value in stated.values()]
    if not all(number.isdigit() and int(number) > 0 for number in numbers):
        return Verdict("warning", f"{found}: not a number of threads", f"unset {' '.join(stated)}")
    if any(int(number) > usable for number in numbers):
        return Verdict("warning", f"{found}: more than the {usable} cores that may be used", f"unset {' '.join(stated)}")
    return Verdict("ok", f"{found}; workers compute with one each")


def open_files(limit: int | None = None) -> Verdict:
    """Compare the limit of open files with what many workers need."""
    if limit is None:
        if os.name == "nt":
            return Verdict("ok", "no limit to ask for on Windows")
        import resource

        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        limit = _NO_LIMIT if soft == resource.RLIM_INFINITY else soft
    if limit < _MIN_OPEN_FILES:
        return Verdict("warning", f"{limit} open files at most", "run `ulimit -n 4096` before cartopath")
    return Verdict("ok", "no limit" if limit == _NO_LIMIT else f"{limit:,} open files at most")
