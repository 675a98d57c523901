"""How many processor cores this process may keep busy, which in a container or on a cluster is fewer than the machine has."""

from __future__ import annotations

import math
import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
"""Where Linux shows the limits of a process's control group."""


def usable_cores(cgroup: Path = CGROUP) -> int:
    """Return how many cores this process may keep busy: its affinity, within the quota of its control group."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(allowed, _cpu_quota(cgroup))))


def _cpu_quota(cgroup: Path) -> float:
    second, first = words_of(cgroup / "cpu.max"), words_of(cgroup / "cpu" / "cpu.cfs_quota_us")
    if len(second) == 2 and second[0] != "max":
        return int(second[0]) / int(second[1])
    period = words_of(cgroup / "cpu" / "cpu.cfs_period_us")
    if first and period and int(first[0]) > 0:
        return int(first[0]) / int(period[0])
    return math.inf


def words_of(path: Path) -> list[str]:
    """Return the words of a file of limits; none where there is no such file."""
    try:
        return path.read_text(encoding="ascii").split()
    except OSError:
        return []
