"""The run ledger: one JSON line per run and per task that did something, with outcome, reason, seconds and key."""

from __future__ import annotations

import datetime
import json
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from cartopath.store.atomic import append_line
from cartopath.study.tasks import Outcome

_PACKAGES = (
    "cartopath",
    "numpy",
    "pandas",
    "scipy",
    "scikit-learn",
    "lifelines",
    "torch",
    "timm",
    "lightning",
    "openslide-python",
    "openslide-bin",
    "tifffile",
    "dask",
)


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that results depend on."""
    found = {"python": platform.python_version(), "platform": f"{platform.system()} {platform.machine()}"}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def log_start(ledger: Path, *, name: str, seed: int) -> None:
    """Write the line that opens a run."""
    _append(ledger, stage="run", task=name, outcome="started", seed=seed, versions=versions())


def log_outcome(ledger: Path, outcome: Outcome) -> None:
    """Write the line of a task that ran."""
    _append(
        ledger,
        stage=outcome.task.stage,
        task=outcome.task.name,
        outcome=outcome.status,
        reason=outcome.reason,
        seconds=round(outcome.seconds, 3),
        key=outcome.task.key,
        figures=outcome.figures,
    )


def read_ledger(ledger: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a ledger, oldest first, leaving out a line that a kill left unfinished."""
    if not ledger.is_file():
        return
    with ledger.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:
                continue
            if isinstance(entry, dict):
                yield entry


def _append(ledger: Path, **entry: Any) -> None:
    time = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    append_line(ledger, json.dumps({"time": time, **entry}, sort_keys=False, default=str))
