"""Tasks, their keys, and the receipts that say which are done.

A task is a module-level function with arguments, the files it writes, and a *key* that covers everything that can change those
files: inputs (by content or by the key of the task that wrote them), parameters, seed, and the version of the code. A task is
done when its receipt holds the same key and every file it names is there with the size it had. Receipts are written last.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from cartopath.store.atomic import write_text
from cartopath.store.hashing import value_key
from cartopath.study.layout import Layout

Result = dict[str, Any]


def task_key(stage: str, version: int, **inputs: object) -> str:
    """Return the key of a task.

    Args:
        stage: Name of the stage.
        version: Version of the stage's code: raised whenever its results change.
        inputs: JSON-like values: everything else that can change the result.
    """
    return value_key({"stage": stage, "version": version, "inputs": inputs})


@dataclass(frozen=True)
class Task:
    """One unit of work that can be done, kept or fail by itself.

    Attributes:
        stage: The stage it belongs to.
        name: Its name within the stage: a slide, a trait and round, ...
        key: See `task_key`.
        function: Module-level function; called with `arguments`, writes `outputs`, may return figures for the ledger.
        arguments: Picklable keyword arguments.
        outputs: Every file that it writes.
        is_local: Run it in this process rather than on a worker: short, or in need of everything.
        is_fatal: Its failure ends the run; otherwise it is a line in the ledger and the others go on.
        uses_gpu: Takes an argument `devices` (indices of GPUs, or None) and is throttled by how many there are.
        trait: The trait it is about, for `--trait`.
        round_: The round it is about, for `--round`.
    """

    stage: str
    name: str
    key: str
    function: Callable[..., Result | None]
    arguments: Mapping[str, Any]
    outputs: tuple[Path, ...]
    is_local: bool = False
    is_fatal: bool = False
    uses_gpu: bool = False
    trait: str | None = None
    round_: int | None = None

    @classmethod
    def essential(
        cls,
        stage: str,
        name: str,
        key: str,
        function: Callable[..., Result | None],
        arguments: Mapping[str, Any],
        outputs: tuple[Path, ...],
    ) -> Task:
        """Return a task that runs in this process and without which nothing after it can be."""
        return cls(stage, name, key, function, arguments, outputs, is_local=True, is_fatal=True)


@dataclass(frozen=True)
class Outcome:
    """What became of a task.

    Attributes:
        task: The task.
        status: `kept` (was done already), `done`, or `failed`.
        reason: Why it failed.
        seconds: How long it ran.
        figures: What its function returned.
    """

    task: Task
    status: Literal["kept", "done", "failed"]
    reason: str = ""
    seconds: float = 0.0
    figures: Result = field(default_factory=dict)

    @property
    def is_ok(self) -> bool:
        """Whether the files of the task are there."""
        return self.status != "failed"


def is_done(task: Task, layout: Layout) -> bool:
    """Whether a receipt says that exactly this task was done and its files are still there."""
    receipt = read_receipt(layout, task.stage, task.name)
    if receipt is None or receipt.get("key") != task.key:
        return False
    sizes = receipt.get("outputs", {})
    names = {_relative(path, layout) for path in task.outputs}
    return set(sizes) == names and all(_size(layout.root / name) == size for name, size in sizes.items())


def write_receipt(task: Task, layout: Layout, figures: Result) -> None:
    """Say that a task is done. Call it after its files are complete."""
    sizes = {_relative(path, layout): _size(path) for path in task.outputs}
    content = {"key": task.key, "outputs": sizes, "figures": figures}
    write_text(layout.receipt(task.stage, task.name), json.dumps(content, indent=1, sort_keys=True) + "\n")


def read_receipt(layout: Layout, stage: str, name: str) -> dict[str, Any] | None:
    """Return the receipt of a task, or None where there is none that can be read."""
    try:
        content = json.loads(layout.receipt(stage, name).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError, UnicodeDecodeError):
        return None
    return content if isinstance(content, dict) else None


def missing_outputs(task: Task) -> list[Path]:
    """Return the files that a task should have written and did not."""
    return [path for path in task.outputs if not path.is_file()]


def _relative(path: Path, layout: Layout) -> str:
    return path.relative_to(layout.root).as_posix()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1
