"""What every test can ask for."""

from __future__ import annotations

import functools
import os
import re
import shutil
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real slides and tables; tests that ask for it are skipped where there is none."""
    stated = os.environ.get("CARTOPATH_TEST_DATA")
    folder = Path(stated) if stated else Path(__file__).parents[1].parent / "shared" / "data"
    if not (folder / "README.md").is_file():
        pytest.skip("no real data: set CARTOPATH_TEST_DATA to its folder")
    return folder


@dataclass
class Ran:
    """What a run did: names of tasks by stage, and why others failed."""

    done: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    kept: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    news: list[dict[str, Any]] = field(default_factory=list)


class Recorder:
    """Watches a run and writes down what happens."""

    def __init__(self) -> None:
        self.ran = Ran()

    def stage_started(self, stage: Any, n_tasks: int, n_kept: int) -> None:
        self.ran.kept += n_kept

    def task_ended(self, outcome: Any) -> None:
        if outcome.is_ok:
            self.ran.done[outcome.task.stage].add(outcome.task.name)
        else:
            self.ran.failed[f"{outcome.task.stage} {outcome.task.name}"] = outcome.reason

    def stage_ended(self, stage: Any) -> None:
        pass

    def news(self, event: dict[str, Any]) -> None:
        self.ran.news.append(event)


@pytest.fixture
def run() -> Callable[..., Ran]:
    """Run a study in this process, up to a stage if one is named, and return what was done."""
    from cartopath.cli.run import study_stages
    from cartopath.study.run import Selection, run_study

    def run_(study: Any, *, until: str | None = None, traits: tuple[str, ...] = (), rounds: tuple[int, ...] = ()) -> Ran:
        recorder = Recorder()
        select = Selection(frozenset(traits), frozenset(rounds))
        run_study(study, study_stages(study), until=until, select=select, watcher=recorder)
        return recorder.ran

    return run_


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], None]], Path]:
    """Return a folder that is filled once for all test processes of a session."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def made_once_(name: str, fill: Callable[[Path], None]) -> Path:
        from filelock import FileLock

        folder = shared / name
        with FileLock(shared / f"{name}.lock"):
            if not (shared / f"{name}.complete").exists():
                fill(folder)
                (shared / f"{name}.complete").touch()
        return folder

    return made_once_


@pytest.fixture(scope="session")
def small_cohort(made_once: Callable[..., Path]) -> Path:
    """A simulated cohort of 24 patients with a slide of some 20 tiles each, tables in real formats, and its truth."""
    from cartopath.simulate import CohortSpec, simulate_cohort

    spec = CohortSpec(n_patients=24, slide_um=(350.0, 350.0), irregular=False)
    return made_once("small_cohort", lambda folder: simulate_cohort(spec, folder))


@pytest.fixture(scope="session")
def small_config(small_cohort: Path) -> dict[str, Any]:
    """The study file of the small cohort: two traits, two rounds, networks that train in a second."""
    tables = [next(small_cohort.glob(pattern)).as_posix() for pattern in ("EBPlusPlus*.tsv", "pancanMiRs*.csv")]
    return {
        "name": "small",
        "slides": {"dir": (small_cohort / "slides").as_posix(), "table": (small_cohort / "slides.csv").as_posix()},
        "molecular": {"table": tables},
        "clinical": {"table": (small_cohort / "data_clinical_patient.txt").as_posix()},
        "traits": ["MKI67", "hsa-miR-17-5p"],
        "labels": {"low": 40, "high": 60},
        "tiles": {"size_px": 64, "mpp": 1.0},
        "splits": {"test": 0.25, "validation": 0.25, "rounds": 2},
        "method": {"backbone": "test_resnet", "pool": "avg", "ensemble": 1},
        "training": {"max_chunks": 3, "validations_per_epoch": 2, "batch_size": 8, "learning_rate": 0.003},
        "survival": {"covariates": ["AGE"], "strata": ["SEX"], "groups": ["PAM50"]},
        "compute": {"workers": 0, "accelerator": "cpu"},
    }


def _writer(config: dict[str, Any]) -> Callable[..., Any]:
    import yaml

    from cartopath.study.run import Study

    def write(folder: Path, **changes: Any) -> Study:
        content = dict(config)
        for name, value in changes.items():
            content[name] = {**content.get(name, {}), **value} if isinstance(value, dict) else value
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "study.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
        return Study.read(folder)

    return write


@pytest.fixture(scope="session")
def write_study(small_config: dict[str, Any]) -> Callable[..., Any]:
    """Write the small cohort's study file into a folder, with some sections changed, and return the study."""
    return _writer(small_config)


@pytest.fixture(scope="session")
def fingerprints_config(small_config: dict[str, Any]) -> dict[str, Any]:
    """The study file of the small cohort for fingerprints: an encoder of its own that trains in seconds."""
    method = {
        "name": "fingerprints",
        "backbone": "test_resnet",
        "n_features": 32,
        "tiles_per_patient": 12,
        "ensemble": 1,
        "pretraining": {
            "region_um": 150,
            "region_tissue": 0.5,
            "rotation": "right_angles",
            "max_chunks": 2,
            "tiles_per_region": 2,
            "validation_tiles_per_region": 2,
            "batch_size": 16,
        },
        "head": {"max_epochs": 30, "learning_rate": 0.01},
    }
    return {**small_config, "method": method}


@pytest.fixture(scope="session")
def write_fingerprints(fingerprints_config: dict[str, Any]) -> Callable[..., Any]:
    """Write the small cohort's study file for fingerprints into a folder, with some sections changed, and return the study."""
    return _writer(fingerprints_config)


@pytest.fixture(scope="session")
def finished_study(made_once: Callable[..., Path], write_study: Callable[..., Any]) -> Path:
    """The small study, run to its end in one process. Not to be changed: see `copied_study`."""
    from cartopath.cli.run import study_stages
    from cartopath.study.run import run_study

    def fill(folder: Path) -> None:
        study = write_study(folder)
        summary = run_study(study, study_stages(study))
        assert not summary.failed, summary.failed

    return made_once("finished_study", fill)


@pytest.fixture(scope="session")
def fingerprints_study(made_once: Callable[..., Path], write_fingerprints: Callable[..., Any]) -> Path:
    """The small study with fingerprints, run without what only draws. Not to be changed."""
    from cartopath.methods import recipe_stages
    from cartopath.study.run import run_study

    def fill(folder: Path) -> None:
        study = write_fingerprints(folder)
        drawing = {"maps", "matching", "identity_maps", "tissue_types", "by_tissue", "receptor_maps", "atlas"}
        summary = run_study(study, [stage for stage in recipe_stages(study.config) if stage.name not in drawing])
        assert not summary.failed, summary.failed

    return made_once("fingerprints_study", fill)


@pytest.fixture(scope="session")
def attention_config(small_config: dict[str, Any]) -> dict[str, Any]:
    """The study file of the small cohort for attention: a random encoder, and a clinical trait beside the measured ones."""
    method = {
        "name": "attention",
        "encoder": "random",
        "backbone": "test_resnet",
        "n_features": 32,
        "training": {"max_epochs": 30, "learning_rate": 0.003},
    }
    traits = [*small_config["traits"], {"name": "ER", "column": "ER_STATUS_BY_IHC"}]
    maps = {"heterogeneity": small_config["traits"]}
    return {**small_config, "method": method, "traits": traits, "maps": maps}


@pytest.fixture(scope="session")
def write_attention(attention_config: dict[str, Any]) -> Callable[..., Any]:
    """Write the small cohort's study file for attention into a folder, with some sections changed, and return the study."""
    return _writer(attention_config)


@pytest.fixture(scope="session")
def attention_study(made_once: Callable[..., Path], write_attention: Callable[..., Any], finished_study: Path) -> Path:
    """The small study with attention on the tiles of the finished one, run without its pictures. Not to be changed."""
    from cartopath.methods import recipe_stages
    from cartopath.study.run import run_study

    def fill(folder: Path) -> None:
        for name in ("quality", "tiles", "receipts/quality", "receipts/tiles"):
            shutil.copytree(finished_study / name, folder / name)
        study = write_attention(folder)
        drawing = {"maps", "gallery", "attention_maps"}
        summary = run_study(study, [stage for stage in recipe_stages(study.config) if stage.name not in drawing])
        assert not summary.failed, summary.failed

    return made_once("attention_study", fill)


@pytest.fixture
def copied_study(finished_study: Path, tmp_path: Path) -> Path:
    """A copy of the finished study that a test may change."""
    return Path(shutil.copytree(finished_study, tmp_path / "study"))


class FileRequests(SimpleHTTPRequestHandler):
    """Sends files, and parts of them."""

    protocol_version = "HTTP/1.1"
    sends_parts = True

    def do_GET(self) -> None:
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        path = Path(self.translate_path(self.path))
        if wanted is None or not self.sends_parts or not path.is_file():
            super().do_GET()
            return
        content = path.read_bytes()
        part = content[int(wanted[1]) : int(wanted[2]) + 1]
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {wanted[1]}-{int(wanted[1]) + len(part) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """`serve(folder)` gives files out over HTTP until the test ends, and returns the URL of the folder."""
    servers = []

    def serve_(folder: Path, *, sends_parts: bool = True) -> str:
        handler = type("Requests", (FileRequests,), {"sends_parts": sends_parts})
        server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=str(folder)))
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield serve_
    for server in servers:
        server.shutdown()
        server.server_close()
