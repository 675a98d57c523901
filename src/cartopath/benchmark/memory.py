"""How much memory work on slides takes: the peak of one huge slide, and whether it grows over a thousand small ones."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from cartopath.benchmark.line import Slope, slope
from cartopath.core.errors import CartopathError
from cartopath.slides import TileSpec, iter_tiles, open_slide, plan_tiles

WARM_UP_SHARE = 0.2
"""Of the slides of a series, left out of its slope: caches fill until then."""


class MeasurementError(CartopathError, RuntimeError):
    """A process that was measured died, or said something unexpected."""


@dataclass(frozen=True, slots=True)
class Peak:
    """What a piece of work took.

    Attributes:
        gigabytes: Largest resident memory of its process, in 1e9 bytes.
        result: What the work returned.
    """

    gigabytes: float
    result: Any


def peak_memory(function: Callable[..., Any], *arguments: object) -> Peak:
    """Run a function of a module in a fresh process and return the peak of that process.

    Raises:
        MeasurementError: The process died.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(sender, function, arguments))
    process.start()
    sender.close()
    try:
        result, gigabytes = receiver.recv()
    except EOFError:
        process.join()
        raise MeasurementError(f"{function.__name__}: its process died with exit code {process.exitcode}") from None
    process.join()
    return Peak(gigabytes, result)


def _child(sender: Connection, function: Callable[..., Any], arguments: tuple[object, ...]) -> None:
    result = function(*arguments)
    sender.send((result, _peak_gb()))


def _peak_gb(status: Path = Path("/proc/self/status")) -> float:
    """Return the largest resident memory of this process so far.

    What `getrusage` says would do nearly everywhere; but on Linux a new process inherits it from the one that started it.
    """
    try:
        lines = status.read_text(encoding="ascii").splitlines()
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9
    (kilobytes,) = (int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    return kilobytes * 1024 / 1e9


def resident_mb() -> float:
    """Return what this process has in memory now, in 1e6 bytes; where only the peak is known, the peak."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return _peak_gb() * 1e3
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def tile_one(path: Path, spec: TileSpec, threads: int) -> dict[str, int]:
    """Decide which tiles of a slide to keep, as the stage `tiles` does; return their counts."""
    with open_slide(path) as slide:
        return plan_tiles(slide, spec, threads=threads).counts


def resident_over(paths: Sequence[Path], spec: TileSpec, threads: int) -> list[float]:
    """Open, tile and read every slide, one after the other, and return the memory of this process after each, in 1e6 bytes."""
    after = []
    for path in paths:
        with open_slide(path) as slide:
            plan = plan_tiles(slide, spec, threads=threads)
            xy = plan.table[["x_px0", "y_px0"]].to_numpy()
            window, size = plan.grid.window_px0, plan.grid.size_px
            for _ in iter_tiles(slide, xy, window_px0=window, size_px=size, batch_size=32, threads=threads):
                pass
        after.append(resident_mb())
    return after


@dataclass(frozen=True, slots=True)
class Growth:
    """How memory changes over a series of slides.

    Attributes:
        first_mb: At the start, after warming up.
        last_mb: At the end.
        kb_per_slide: The slope of a line through what is resident after each slide.
    """

    first_mb: float
    last_mb: float
    kb_per_slide: Slope

    @property
    def is_flat(self) -> bool:
        """Whether a thousand slides would add less than a tenth to what there is, even at the upper end of the interval."""
        return self.kb_per_slide.high < 0.1 * self.first_mb


def growth(resident: Sequence[float], *, n_blocks: int = 20) -> Growth:
    """Return how memory changes over a series.

    Neighbours in the series are alike, so that its points are averaged in blocks before a line is fitted: the interval would
    otherwise pretend to know far too much.

    Args:
        resident: After each slide, in 1e6 bytes.
        n_blocks: Into how many blocks the series is divided after warming up.

    >>> round(growth([100.0 + 0.002 * i for i in range(1000)]).kb_per_slide.value, 6)
    2.0
    """
    kept = np.asarray(resident[int(WARM_UP_SHARE * len(resident)) :], float)
    blocks = np.array_split(np.arange(len(kept)), min(n_blocks, len(kept)))
    at = np.array([block.mean() for block in blocks])
    mean = np.array([kept[block].mean() for block in blocks])
    return Growth(float(mean[0]), float(mean[-1]), slope(at, mean * 1e3))
