"""Files on which the HDF5 library crashes, or that keep it busy for ever, cost themselves and nothing else."""

import h5py
import numpy as np
import pytest

from cartopath.core import h5_trial
from cartopath.training.feature_files import fatal_feature_files

SCRIPT = """
import json, os, signal, sys, time
for path in json.load(sys.stdin):
    if "crash" in path:
        os.kill(os.getpid(), signal.SIGSEGV)
    if "endless" in path:
        time.sleep(60)
    print(flush=True)
"""


@pytest.fixture
def files(tmp_path):
    def make(*names):
        paths = [tmp_path / f"{name}.h5" for name in names]
        for path in paths:
            with h5py.File(path, "w") as file:
                file["feats"] = np.zeros((3, 2), np.float16)
                file.attrs["extractor"] = "made"
        return paths

    return make


@pytest.fixture
def faulty(monkeypatch, tmp_path):
    """A library that crashes on files called crash and never ends on those called endless."""
    (tmp_path / "look.py").write_text(SCRIPT)
    monkeypatch.setattr(h5_trial, "_SCRIPT", tmp_path / "look.py")


def test_sound_files_and_files_that_raise_errors_are_not_fatal(files, tmp_path):
    paths = files("a", "b")
    paths[1].write_bytes(paths[1].read_bytes()[:700])
    (tmp_path / "c.h5").write_bytes(b"no HDF5")
    assert h5_trial.fatal_files([*paths, tmp_path / "c.h5", tmp_path / "none.h5"]) == []


def test_files_that_kill_the_process_are_named_and_the_rest_is_looked_at(files, faulty):
    paths = files("a", "crash-1", "b", "crash-2", "crash-3", "c")
    assert h5_trial.fatal_files(paths) == [paths[1], paths[3], paths[4]]


def test_a_file_that_never_ends_is_named(files, faulty):
    paths = files("a", "endless", "b")
    assert h5_trial.fatal_files(paths, seconds=1.5) == [paths[1]]


def test_the_reason_names_the_file(files, faulty):
    (path, reason) = next(iter(fatal_feature_files(files("a", "crash")).items()))
    assert path.name == "crash.h5"
    assert reason.startswith(str(path)) and "the HDF5 library crashes on it" in reason
