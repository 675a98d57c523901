"""`cartopath doctor` as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from cartopath.cli.doctor.examination import Check
from cartopath.cli.doctor.verdict import Verdict
from cartopath.cli.main import app

FINE = Check("first", Verdict("ok", "fine"))
RESERVED = Check("second", Verdict("warning", "slow [here]", "hurry"))
BROKEN = Check("third", Verdict("problem", "gone", "bring it back"))


@pytest.fixture
def doctor(monkeypatch):
    def doctor_(checks, *words):
        monkeypatch.setattr("cartopath.cli.doctor.command.examine", lambda folder, watcher: checks)
        result = CliRunner().invoke(app, ["doctor", *words])
        return result.exit_code, result.stdout

    return doctor_


def test_warnings_alone_are_code_0(doctor):
    code, printed = doctor([FINE, RESERVED])
    assert code == 0
    assert "slow [here]" in printed
    assert "-> hurry" in printed
    assert "ok: 1, warnings: 1, problems: 0" in printed


def test_a_problem_is_code_1(doctor):
    assert doctor([FINE, BROKEN])[0] == 1


def test_programs_get_a_list_of_checks(doctor):
    code, printed = doctor([FINE, BROKEN], "--json")
    assert code == 1
    assert json.loads(printed) == [
        {"name": "first", "level": "ok", "found": "fine", "advice": ""},
        {"name": "third", "level": "problem", "found": "gone", "advice": "bring it back"},
    ]


def test_missing_libraries_are_findings(tmp_path):
    """None in sys.modules stands for what is not installed; only typer and what it needs itself is there."""
    code = """
import sys
for name in ("numpy", "pandas", "torch", "torchvision", "openslide", "imagecodecs", "tifffile", "matplotlib",
             "distributed", "dask", "psutil"):
    sys.modules[name] = None
from cartopath.cli.main import app
app()
"""
    command = [sys.executable, "-c", code, "doctor", str(tmp_path), "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 1, ran.stderr
    levels = {row["name"]: row["level"] for row in json.loads(ran.stdout)}
    assert {levels[name] for name in ("torch", "openslide", "slide", "codecs", "workers", "font cache")} == {"problem"}
    assert levels["file system"] == "ok"
