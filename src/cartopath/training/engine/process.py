"""The settings of a process while it trains, and afterwards as they were."""

from __future__ import annotations

import contextlib
import signal
import threading
import warnings
from collections.abc import Generator

import torch

from cartopath.models import flushed_denormals
from cartopath.training.engine.devices import Hardware
from cartopath.training.inference import torch_threads


@contextlib.contextmanager
def process_settings(threads: int, hardware: Hardware) -> Generator[None, None, None]:
    """Threads, random state, warning filters and denormal numbers as a training wants them; interrupts as Python means them.

    Args:
        threads: Of torch on the CPU.
        hardware: On whose devices random states are kept.
    """
    devices = range(torch.cuda.device_count()) if hardware.accelerator == "cuda" else []
    with torch_threads(threads), torch.random.fork_rng(devices=devices), warnings.catch_warnings():
        leave_out_warnings()
        with flushed_denormals(), _interrupts():
            yield


def prepare_process(threads: int) -> None:
    """Set up a process that trains and does nothing else, such as a spawned one."""
    leave_out_warnings()
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)


def leave_out_warnings() -> None:
    """Leave out a warning that concerns nobody: Lightning 2.6 asks torch for a name that torch 2.13 calls deprecated."""
    warnings.filterwarnings("ignore", message=r"`isinstance\(treespec, LeafSpec\)` is deprecated", category=FutureWarning)


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
