"""Kill it when you like: the same command ends with the same bytes. So do one process and several."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cartopath.core.rng import stream
from cartopath.store.atomic import TEMP_PREFIX
from cartopath.study.ledger import read_ledger

COMMAND = [sys.executable, "-c", "from cartopath.cli.main import app; app()", "run", "--quiet"]


def contents(root: Path, *folders: str) -> dict[Path, bytes]:
    """Return all files but those that a killed write left behind, which are swept when they are old."""
    paths = [path for name in folders for path in (root / name).rglob("*") if path.is_file()]
    return {path.relative_to(root): path.read_bytes() for path in paths if not path.name.startswith(TEMP_PREFIX)}


def n_files(root: Path, pattern: str) -> int:
    return sum(1 for _ in root.glob(pattern))


def killed_when(root: Path, pattern: str, n: int, delay_s: float, *options: str) -> str:
    """Run a study in a process of its own, kill it soon after `n` files are there, and return what it was at."""
    with subprocess.Popen([*COMMAND, str(root), *options], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            deadline = time.monotonic() + 300
            while n_files(root, pattern) < n:
                assert process.poll() is None, process.stderr.read().decode()
                assert time.monotonic() < deadline
                time.sleep(0.005)
            time.sleep(delay_s)
        finally:
            process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    return list(read_ledger(root / "ledger.jsonl"))[-1]["stage"]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
def test_killed_again_and_again_it_ends_with_the_bytes_of_an_uninterrupted_run(tmp_path, write_study, run, finished_study):
    root = tmp_path / "study"
    study = write_study(root)
    rng = stream(0, "kills")
    moments = [
        ("tiles/*.parquet", int(rng.integers(3, 20)), ("--workers", "0")),
        ("work/train/*/resume.json", 1, ("--workers", "2")),
        ("scores/*/*/*.parquet", int(rng.integers(5, 40)), ("--workers", "0")),
    ]
    for pattern, n, options in moments:
        killed_when(root, pattern, n, float(rng.uniform(0, 0.15)), *options)
        assert not (root / "report" / "index.html").exists()
    ran = run(study)
    assert not ran.failed
    assert contents(root, "tables") == contents(finished_study, "tables")
    assert contents(root, "models", "scores", "maps") == contents(finished_study, "models", "scores", "maps")


@pytest.mark.slow
def test_several_processes_give_the_bytes_of_one(tmp_path, write_study, run, finished_study):
    study = write_study(tmp_path / "study", compute={"workers": 2})
    ran = run(study)
    assert not ran.failed
    assert any(event.get("stage") == "train" and "chunk" in event for event in ran.news)
    assert contents(study.root, "tables") == contents(finished_study, "tables")
    assert contents(study.root, "models", "scores", "maps") == contents(finished_study, "models", "scores", "maps")
