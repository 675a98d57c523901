"""A training that is killed, however and whenever, ends with the bytes of one that was not."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cartopath.core.errors import ArtifactError
from cartopath.store import atomic
from cartopath.training import TrainingSpec, train_classifier
from cartopath.training.work_dir import WorkDir

# So short-tempered that the learning rate falls and training stops within the few chunks of a test.
SPEC = TrainingSpec(
    batch_size=8, max_chunks=9, validations_per_epoch=4, lr=3e-2, plateau_patience=1, plateau_factor=0.5, stop_patience=4
)


class Killed(Exception):  # noqa: N818 - not an error of anybody
    """Stands for the end of the process."""


@pytest.fixture
def sets(planted):
    return planted(n_slides=4), planted(n_slides=4, prefix="validation")


@pytest.fixture
def uninterrupted(sets, network, tmp_path):
    outcome = train_classifier(*sets, network, SPEC, work_dir=tmp_path / "uninterrupted")
    assert len(set(outcome.curve["lr"])) > 1  # or the schedule would not be tested
    return outcome


def assert_same(outcome, other):
    assert outcome.curve.equals(other.curve)
    assert (outcome.best_chunk, outcome.best, outcome.ending) == (other.best_chunk, other.best, other.ending)
    assert outcome.weights.keys() == other.weights.keys()
    assert all(outcome.weights[name].tobytes() == other.weights[name].tobytes() for name in outcome.weights)


def test_killed_after_any_chunk_it_ends_with_the_same_bytes(sets, network, tmp_path, uninterrupted):
    def kill(chunk, metrics):
        raise Killed

    for _ in range(len(uninterrupted.curve)):
        with pytest.raises(Killed):
            train_classifier(*sets, network, SPEC, work_dir=tmp_path / "work", progress=kill)
    assert_same(train_classifier(*sets, network, SPEC, work_dir=tmp_path / "work", progress=kill), uninterrupted)


def test_killed_at_any_write_it_ends_with_the_same_bytes(sets, network, tmp_path, uninterrupted, monkeypatch):
    real, left = atomic._fsync_folder, [0]

    def fsync_or_die(folder):
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        real(folder)

    monkeypatch.setattr(atomic, "_fsync_folder", fsync_or_die)
    deaths = 0
    while True:
        left[0] = 2 + deaths % 3  # dies at the third, fourth, fifth write of the attempt: at least one chunk further each time
        try:
            outcome = train_classifier(*sets, network, SPEC, work_dir=tmp_path / "work")
        except Killed:
            deaths += 1
            assert deaths < 40
            continue
        break
    assert deaths > 3
    assert_same(outcome, uninterrupted)


def test_killed_while_the_end_is_written_it_ends_with_the_same_bytes(sets, network, tmp_path, uninterrupted, monkeypatch):
    def die(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(WorkDir, "finish", die)
        with pytest.raises(Killed):
            train_classifier(*sets, network, SPEC, work_dir=tmp_path / "work")
    assert_same(train_classifier(*sets, network, SPEC, work_dir=tmp_path / "work"), uninterrupted)


@pytest.mark.slow
def test_killed_for_real_in_the_middle_of_a_chunk_it_ends_with_the_same_bytes(sets, network, tmp_path, uninterrupted):
    script = f"""
import os, runpy, signal, sys
from pathlib import Path
from cartopath.training import TrainingSpec, train_classifier
from cartopath.training import feed
planted = runpy.run_path({str(Path(__file__).with_name("conftest.py"))!r})
caches = Path({str(tmp_path / "caches")!r})
sets = [planted["planted_examples"](caches, n_slides=4, prefix=name) for name in ("train", "validation")]
real, tiles = feed._put, []
def put(*arguments):
    tiles.append(1)
    if len(tiles) == 14 * 20:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments)
feed._put = put
train_classifier(*sets, planted["NETWORK"], TrainingSpec(**{dataclasses.asdict(SPEC)!r}), work_dir={str(tmp_path / "work")!r})
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert (tmp_path / "work" / "resume.json").is_file()
    told = []
    outcome = train_classifier(*sets, network, SPEC, work_dir=tmp_path / "work", progress=lambda chunk, _: told.append(chunk))
    assert told[0] > 0
    assert_same(outcome, uninterrupted)


def test_the_state_on_disk_holds_optimizer_schedule_stopping_and_counters(sets, network, tmp_path):
    def kill(chunk, metrics):
        if chunk == 4:
            raise Killed

    with pytest.raises(Killed):
        train_classifier(*sets, network, SPEC, work_dir=tmp_path, progress=kill)
    from cartopath.training.engine.checkpoint_io import SafetensorsIO

    state = SafetensorsIO("").load_checkpoint(tmp_path / "resume.json")
    steps = 5 * 3  # five chunks of 20 tiles in three batches
    assert state["global_step"] == steps
    assert state["epoch"] == 4
    optimizer = state["optimizer_states"][0]
    assert {int(value["step"]) for value in optimizer["state"].values()} == {steps}
    assert optimizer["param_groups"][0]["lr"] < SPEC.lr
    assert state["callbacks"]["Plateau"]["last_epoch"] == 5
    rows = state["callbacks"]["ChunkEnd"]["rows"]
    assert [row["chunk"] for row in rows] == [0, 1, 2, 3, 4]
    stopping = next(value for name, value in state["callbacks"].items() if name.startswith("EarlyStopping"))
    assert float(stopping["best_score"]) == pytest.approx(min(row["validation_loss"] for row in rows))


def test_nothing_that_is_kept_is_a_pickle(sets, network, tmp_path):
    def kill(chunk, metrics):
        raise Killed

    with pytest.raises(Killed):
        train_classifier(*sets, network, SPEC, work_dir=tmp_path, progress=kill)
    names = sorted(path.name for path in tmp_path.iterdir() if path.is_file())
    assert names == ["best-000000.safetensors", "resume-000000.safetensors", "resume.json"]
    json.loads((tmp_path / "resume.json").read_text())


def test_a_finished_training_leaves_only_its_outcome(tmp_path, uninterrupted):
    names = sorted(path.name for path in (tmp_path / "uninterrupted").iterdir())
    assert names == [f"best-{uninterrupted.best_chunk:06d}.safetensors", "finished.json"]


def test_what_a_kill_left_beside_the_outcome_is_removed(sets, network, tmp_path, uninterrupted):
    folder = tmp_path / "uninterrupted"
    for name in ("resume.json", "resume-000003.safetensors", "best-000099.safetensors"):
        (folder / name).write_bytes(b"left behind")
    assert_same(train_classifier(*sets, network, SPEC, work_dir=folder), uninterrupted)
    assert sorted(path.name for path in folder.iterdir()) == [f"best-{uninterrupted.best_chunk:06d}.safetensors", "finished.json"]


def test_calling_again_after_the_end_only_reads(sets, network, tmp_path, uninterrupted):
    def never(chunk, metrics):
        raise AssertionError

    again = train_classifier(*sets, network, SPEC, work_dir=tmp_path / "uninterrupted", progress=never)
    assert_same(again, uninterrupted)
    assert again.seconds == uninterrupted.seconds


def test_what_another_training_left_is_cleared(sets, network, tmp_path, uninterrupted):
    other = dataclasses.replace(SPEC, seed=1)
    train_classifier(*sets, network, other, work_dir=tmp_path / "work")
    outcome = train_classifier(*sets, network, SPEC, work_dir=tmp_path / "work")
    assert_same(outcome, uninterrupted)


def test_it_may_go_on_where_something_else_runs_it(sets, network, tmp_path):
    def kill(chunk, metrics):
        raise Killed

    with pytest.raises(Killed):
        train_classifier(*sets, network, SPEC, work_dir=tmp_path, progress=kill)
    told = []
    elsewhere = dataclasses.replace(SPEC, read_threads=2, open_slides=4, accelerator="cpu")
    train_classifier(*sets, network, elsewhere, work_dir=tmp_path, progress=lambda chunk, _: told.append(chunk))
    assert told[0] == 1


@pytest.mark.parametrize("name", ["resume.json", "resume-000000.safetensors"])
def test_a_damaged_state_is_an_error_that_names_the_file(sets, network, tmp_path, name):
    def kill(chunk, metrics):
        raise Killed

    with pytest.raises(Killed):
        train_classifier(*sets, network, SPEC, work_dir=tmp_path, progress=kill)
    path = tmp_path / name
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(ArtifactError, match=name.replace(".", r"\.")):
        train_classifier(*sets, network, SPEC, work_dir=tmp_path)


def test_half_written_files_of_a_kill_are_swept(sets, network, tmp_path):
    tmp_path.joinpath(".cartopath-0123456789ab.safetensors").write_bytes(b"torn")
    train_classifier(*sets, network, dataclasses.replace(SPEC, max_chunks=1), work_dir=tmp_path)
    assert not list(tmp_path.glob(".cartopath-*"))
