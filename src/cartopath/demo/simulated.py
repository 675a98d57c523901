"""The simulated cohort of the demonstration and the study file that goes with it."""

from __future__ import annotations

from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from textwrap import indent
from typing import Literal

from cartopath.core.cores import usable_cores
from cartopath.core.errors import ConfigError
from cartopath.simulate import CohortSpec, simulate_cohort
from cartopath.store.atomic import write_text
from cartopath.study.executors import SerialExecutor
from cartopath.study.progress import publish
from cartopath.study.run import Stage, Study, Watcher, run_tasks
from cartopath.study.study_file import STUDY_FILE
from cartopath.study.tasks import Result, Task, task_key

VERSION = 1
TRUTH = "truth"
N_PATIENTS = 150
SLIDE_UM = (900.0, 900.0)
DemoMethod = Literal["tile_classifier", "fingerprints", "attention"]
_MARK = "# The study of `cartopath demo`"


def demo_spec(*, effect: float, seed: int, n_patients: int = N_PATIENTS) -> CohortSpec:
    """Return what the demonstration simulates."""
    return CohortSpec(n_patients=n_patients, slide_um=SLIDE_UM, effect=effect, seed=seed)


def demo_config(*, seed: int, method: DemoMethod = "tile_classifier") -> str:
    """Return the study file of the demonstration: the same for every method but for its `method:`."""
    folder = files("cartopath.demo")
    text, lines = (folder.joinpath(name).read_text(encoding="utf-8") for name in ("demo_study.yaml", f"demo_{method}.yaml"))
    return text.replace("seed: 0", f"seed: {seed}", 1).replace("method:\n", f"method:\n{indent(lines, '  ')}", 1)


def prepare_demo(
    out: Path, *, effect: float, seed: int, workers: int | None, watcher: Watcher, method: DemoMethod = "tile_classifier"
) -> Study:
    """Simulate the cohort where it is not there yet, write the study file, and return the study.

    Raises:
        ConfigError: `out` holds another study, or the demonstration of another method.
    """
    file = out / STUDY_FILE
    if file.is_file() and not file.read_text(encoding="utf-8").startswith(_MARK):
        raise ConfigError(f"{out}: holds a study of your own; choose another folder for the demo with --out")
    if file.is_file() and (theirs := Study.read(file).config.method.name) != method:
        raise ConfigError(f"{out}: holds the demo by {theirs}; choose another folder for that by {method} with --out")
    write_text(file, demo_config(seed=seed, method=method))
    study = Study.read(file)
    spec = demo_spec(effect=effect, seed=seed)
    key = task_key("simulate", VERSION, spec=asdict(spec))
    outputs = (study.root / "slides.csv", study.root / TRUTH / "patients.parquet")
    arguments = {"spec": spec, "root": study.root, "workers": workers}
    task = Task.essential("simulate", "cohort", key, simulate, arguments, outputs)
    stage = Stage("simulate", lambda _: [task], "draw slides with planted traits")
    serial = SerialExecutor(watcher.news)
    run_tasks(stage, [task], study.layout, serial, watcher)
    return study


def simulate(*, spec: CohortSpec, root: Path, workers: int | None) -> Result:
    """Write the cohort and its truth."""
    n_workers = usable_cores() if workers is None else max(1, workers)
    simulate_cohort(
        spec,
        root,
        workers=n_workers,
        progress=lambda completed, total: publish(stage="simulate", completed=completed, total=total),
    )
    return {"patients": spec.n_patients}
