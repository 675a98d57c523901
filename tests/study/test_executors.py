"""Where tasks run: each can fail alone, whatever it does, and says why."""

import os
import time
from pathlib import Path

import pytest

from cartopath.core.errors import ConfigError, SlideError
from cartopath.study import executors
from cartopath.study.config import ComputeConfig
from cartopath.study.executors import DaskExecutor, SerialExecutor, make_executor
from cartopath.study.progress import publish
from cartopath.study.tasks import Task

# Functions within a function travel to a worker by value: it cannot import this file.


def functions():
    def writes(out, **_):
        Path(out).write_text("done")
        return {"figure": 3}

    def raises_on_purpose(out):
        raise SlideError("slide.svs: damaged; scan it again")

    def raises_by_surprise(out):
        return {}["absent"]

    def writes_nothing(out):
        return {}

    def aborts(out):
        os.abort()

    def dies_once(out, mark):
        if not Path(mark).exists():
            Path(mark).touch()
            os.abort()
        Path(out).write_text("done")

    def tells(out):
        publish(stage="train", chunk=7)
        Path(out).write_text("done")

    def slow(out):
        time.sleep(0.3)
        Path(out).write_text("done")

    return locals()


RUNS = functions()


@pytest.fixture
def task(tmp_path):
    def task_(function, name="task", **options):
        out = tmp_path / name
        return Task("stage", name, "key", RUNS[function], {"out": out, **options.pop("arguments", {})}, (out,), **options)

    return task_


@pytest.fixture(scope="module")
def workers():
    """Two worker processes, and the news that tasks sent from them."""
    news = []
    with make_executor(ComputeConfig(workers=2, accelerator="cpu"), news.append) as executor:
        executor.heard = news
        yield executor


@pytest.fixture(params=["serial", "workers"])
def executor(request):
    if request.param == "workers":
        return request.getfixturevalue("workers")
    news = []
    executor = SerialExecutor(news.append)
    executor.heard = news
    return executor


def run(executor, *tasks):
    return {outcome.task.name: outcome for outcome in executor.run(tasks)}


class TestATask:
    def test_that_ends_with_its_file_is_done_and_may_say_something(self, executor, task):
        outcome = run(executor, task("writes"))["task"]
        assert (outcome.status, outcome.reason, outcome.figures) == ("done", "", {"figure": 3})
        assert outcome.is_ok

    def test_that_raises_on_purpose_fails_with_its_message_alone(self, executor, task):
        outcome = run(executor, task("raises_on_purpose"))["task"]
        assert (outcome.status, outcome.reason) == ("failed", "slide.svs: damaged; scan it again")

    def test_that_raises_by_surprise_fails_with_the_place_in_the_code(self, executor, task):
        outcome = run(executor, task("raises_by_surprise"))["task"]
        assert outcome.reason.startswith("unexpected KeyError: 'absent'\n")
        assert "raises_by_surprise" in outcome.reason

    def test_that_ends_without_its_file_fails(self, executor, task):
        outcome = run(executor, task("writes_nothing"))["task"]
        assert outcome.status == "failed"
        assert "ended without writing" in outcome.reason
        assert "same file system" in outcome.reason

    def test_can_tell_how_far_it_is(self, executor, task):
        run(executor, task("tells"))
        deadline = time.monotonic() + 10
        while not executor.heard and time.monotonic() < deadline:
            time.sleep(0.01)
        assert {"stage": "train", "chunk": 7}.items() <= executor.heard[0].items()

    def test_that_may_use_gpus_is_told_which_or_none(self, executor, task):
        assert run(executor, task("writes", uses_gpu=True))["task"].is_ok

    def test_that_fails_leaves_the_others_alone(self, executor, task):
        outcomes = run(executor, task("raises_on_purpose", "bad"), *(task("writes", f"good {i}") for i in range(5)))
        assert {name for name, outcome in outcomes.items() if not outcome.is_ok} == {"bad"}
        assert len(outcomes) == 6


def test_no_task_needs_no_worker():
    executor = DaskExecutor(ComputeConfig(workers=2), print)
    assert list(executor.run([])) == []
    assert executor._client is None


class TestATaskThatKillsItsWorker:
    def test_fails_alone_and_says_so(self, workers, task):
        tasks = [task("aborts" if i in (3, 4) else "slow", f"{i}") for i in range(12)]
        outcomes = run(workers, *tasks)
        assert len(outcomes) == 12
        assert {name for name, outcome in outcomes.items() if not outcome.is_ok} == {"3", "4"}
        assert "its worker process was killed twice" in outcomes["3"].reason

    def test_is_tried_again_since_it_may_have_been_a_bystander(self, workers, task, tmp_path):
        outcome = run(workers, task("dies_once", arguments={"mark": tmp_path / "mark"}))["task"]
        assert outcome.is_ok


class TestAScheduler:
    def test_that_is_there_is_used_and_left_running(self, task, monkeypatch):
        from distributed import Client, LocalCluster

        options = {"n_workers": 1, "threads_per_worker": 2, "processes": False, "dashboard_address": "127.0.0.1:0"}
        with LocalCluster(**options, silence_logs=50) as cluster:
            with make_executor(ComputeConfig(scheduler=cluster.scheduler_address), lambda event: None) as executor:
                outcomes = run(executor, *(task("writes", f"{i}") for i in range(5)), task("raises_on_purpose", "bad"))
                assert executor._cluster is None
            with Client(cluster.scheduler_address) as client:
                assert sum(client.ncores().values()) == 2
        assert {name for name, outcome in outcomes.items() if not outcome.is_ok} == {"bad"}

    def test_goes_before_own_workers(self):
        assert isinstance(make_executor(ComputeConfig(workers=0, scheduler="tcp://host:1"), print), DaskExecutor)

    @pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "no address at all"])
    def test_that_does_not_answer_is_named(self, task, monkeypatch, address):
        monkeypatch.setattr(executors, "_CONNECT_S", 1)
        with (
            make_executor(ComputeConfig(scheduler=address), lambda event: None) as executor,
            pytest.raises(ConfigError, match=rf"compute\.scheduler: no Dask scheduler answers at {address}"),
        ):
            run(executor, task("writes"))


def test_a_gpu_that_is_asked_for_and_not_there_is_named(workers, task, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    gpu = DaskExecutor(ComputeConfig(workers=2, accelerator="gpu"), lambda event: None)
    gpu._client = workers._client
    with pytest.raises(ConfigError, match=r"compute\.accelerator is gpu, but PyTorch sees no GPU"):
        run(gpu, task("writes", uses_gpu=True))


@pytest.mark.parametrize(("count", "devices", "slots"), [(4, 1, [[0], [1], [2], [3]]), (5, 2, [[0, 1], [2, 3]])])
def test_gpus_are_dealt_out_in_groups_of_what_a_training_asks_for(monkeypatch, count, devices, slots):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: count)
    assert list(executors._device_slots(ComputeConfig(devices=devices))) == slots


def test_more_gpus_than_there_are_is_refused(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    with pytest.raises(ConfigError, match=r"compute\.devices asks for 2 GPUs per training, but this machine has 1"):
        executors._device_slots(ComputeConfig(devices=2))
