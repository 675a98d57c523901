"""What was measured, in a shape that people and programs can read."""

from __future__ import annotations

import dataclasses
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from cartopath.benchmark.race import Race, Ratio
from cartopath.core.cores import usable_cores
from cartopath.store.artifacts import Header, write_json

KIND = "benchmark"
_PACKAGES = ("cartopath", "torch", "numpy", "simplejpeg", "imagecodecs", "opencv-python-headless", "openslide-python")


@dataclass(frozen=True, slots=True)
class Measure:
    """One line of the table.

    Attributes:
        key: Its name for programs; never changes.
        what: What was measured.
        rate: Per second.
        unit: Of what.
        name: What was measured by this rate.
        reference: What it is compared with.
        reference_rate: Per second.
        ratio: Of the two.
        goal: The ratio should reach it; None where there is no goal.
        note: What else there is to say.
    """

    key: str
    what: str
    rate: float
    unit: str
    name: str
    reference: str
    reference_rate: float
    ratio: Ratio
    goal: float | None = None
    note: str = ""

    @property
    def is_reached(self) -> bool | None:
        """Whether the goal is reached; None where there is none."""
        return None if self.goal is None else self.ratio.median >= self.goal


@dataclass(frozen=True, slots=True)
class Absent:
    """A line that could not be measured.

    Attributes:
        key: As of the measure.
        what: What would have been measured.
        reason: Why it was not.
    """

    key: str
    what: str
    reason: str


def measure(
    race: Race, key: str, what: str, name: str, reference: str, *, unit: str = "tiles", goal: float | None = None, note: str = ""
) -> Measure:
    """Return the line of two contenders of a race."""
    return Measure(
        key=key,
        what=what,
        rate=race.rate(name),
        unit=unit,
        name=name,
        reference=reference,
        reference_rate=race.rate(reference),
        ratio=race.ratio(name, reference),
        goal=goal,
        note=note,
    )


def machine() -> dict[str, Any]:
    """Return what the numbers depend on: processor, cores, versions."""
    return {
        "processor": _processor(),
        "cores": usable_cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {package: found for package in _PACKAGES if (found := installed(package)) is not None},
        "load_before": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def installed(package: str) -> str | None:
    """Return the version of an installed package; None where there is none."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def markdown(measures: Sequence[Measure | Absent]) -> str:
    """Return lines as a table that can be pasted into a README.

    >>> print(markdown([Absent("a", "pyvips", "not installed")]))
    | measure | goal | measured (quartiles) | rates per second |
    |---|---|---|---|
    | pyvips | | not installed | |
    """
    rows = ["| measure | goal | measured (quartiles) | rates per second |", "|---|---|---|---|"]
    for row in measures:
        if isinstance(row, Absent):
            rows.append(f"| {row.what} | | {row.reason} | |")
            continue
        goal = "" if row.goal is None else f">= {row.goal:g}"
        note = f"; {row.note}" if row.note else ""
        rates = f"{row.rate:,.4g} / {row.reference_rate:,.4g} {row.unit}"
        rows.append(f"| {row.what}: {row.name} / {row.reference} | {goal} | {row.ratio} | {rates}{note} |")
    return "\n".join(rows)


def write_results(path: Path, measures: Sequence[Measure | Absent], **more: Any) -> None:
    """Write what was measured as JSON; `more` are further JSON values."""
    rows = [dataclasses.asdict(row) for row in measures]
    write_json({"measures": rows, **more}, path, Header(kind=KIND))
