"""All checks in their order, each run so that whatever is broken becomes a finding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cartopath.cli.doctor import machine, slides, software, storage, workers
from cartopath.cli.doctor.verdict import Verdict

# What a missing, half-installed or mismatched library raises when it is imported or used.
_BROKEN = (
    ImportError, OSError, RuntimeError, AttributeError, LookupError, TypeError, ValueError,
    ArithmeticError, AssertionError, EOFError, MemoryError, NameError, SyntaxError, Warning,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Check:
    """One check and its verdict.

    Attributes:
        name: Of the check.
        verdict: What it found.
    """

    name: str
    verdict: Verdict


def run_check(name: str, probe: Callable[[], Verdict]) -> Check:
    """Run a probe; an error becomes a problem with the error as what was found."""
    try:
        return Check(name, probe())
    except _BROKEN as error:
        first = (str(error).strip().splitlines() or [""])[0]
        advice = "reinstall cartopath with the versions of constraints.txt; if that changes nothing, report this line"
        return Check(name, Verdict("problem", f"{type(error).__name__}: {first}", advice))


def probes(folder: Path) -> list[tuple[str, Callable[[], Verdict]]]:
    """Return the name and the probe of every check.

    Args:
        folder: Where the study lies or will lie.
    """
    return [
        ("python", software.python_version),
        ("packages", software.packages),
        ("torch", software.torch_build),
        ("torchvision", software.torchvision_fits),
        ("openslide", slides.openslide_version),
        ("slide", slides.opens_a_slide),
        ("codecs", slides.codecs),
        ("devices", machine.devices),
        ("cores", machine.cores),
        ("memory", machine.memory),
        ("threads", machine.threads),
        ("open files", machine.open_files),
        ("disk", partial(storage.disk, folder)),
        ("temporary", storage.temporary_space),
        ("file system", partial(storage.file_system, folder)),
        ("workers", workers.dask_worker),
        ("font cache", software.font_cache),
        ("encoding", software.encoding),
    ]


def examine(folder: Path, watcher: Callable[[str], None] | None = None) -> list[Check]:
    """Run every check.

    Args:
        folder: Study folder; need not exist yet.
        watcher: Is told the name of each check before it runs.
    """
    checks = []
    for name, probe in probes(folder):
        if watcher is not None:
            watcher(name)
        checks.append(run_check(name, probe))
    return checks
