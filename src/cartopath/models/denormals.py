"""Numbers too small for full precision: the reason a random network can run twenty times too slowly on a CPU."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Generator

import torch


def denormals_are_flushed() -> bool:
    """Return whether this thread takes numbers below the smallest normal one for zero."""
    return sys.float_info.min * float("0.5") == 0.0


@contextlib.contextmanager
def flushed_denormals() -> Generator[None, None, None]:
    """Take denormal numbers for zero in this thread while the block runs, and afterwards treat them as before.

    Random weights and dead ReLUs fill an Inception v3 with them. The setting belongs to the processor's thread, so everything
    else that computes in it would be affected too: hence the block.
    """
    before = denormals_are_flushed()
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)
