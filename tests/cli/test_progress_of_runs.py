"""What a run shows where its messages go to a file: a line per finished stage, and now and then one in between."""

from pathlib import Path

import pytest

from cartopath.cli.progress import ProgressBars, ProgressLines, Unshown, shown_progress
from cartopath.study.run import Stage
from cartopath.study.tasks import Outcome, Task


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def lines(clock):
    return ProgressLines(every_s=30, clock=clock)


@pytest.fixture
def train():
    return Stage("train", lambda _: [], "train networks")


def ended(*, reason=None):
    task = Task("train", "a", "key", lambda: {}, {}, (Path("out"),))
    return Outcome(task, "failed" if reason else "done", reason or "")


def said(capsys):
    return capsys.readouterr().err.splitlines()


class TestWithoutATerminal:
    def test_lines_are_chosen(self):
        assert isinstance(shown_progress(quiet=False), ProgressLines)

    def test_nothing_is_shown_to_who_asks_for_quiet(self):
        assert isinstance(shown_progress(quiet=True), Unshown)

    def test_bars_are_for_terminals(self, monkeypatch):
        monkeypatch.setattr("cartopath.cli.progress.errors._force_terminal", True)
        monkeypatch.setenv("TERM", "xterm")
        assert isinstance(shown_progress(quiet=False), ProgressBars)

    def test_a_finished_stage_is_a_line_at_once(self, lines, train, clock, capsys):
        with lines:
            lines.stage_started(train, 4, 1)
            for reason in (None, None, "no tiles"):
                clock.now += 5
                lines.task_ended(ended(reason=reason))
            assert said(capsys) == []
            lines.stage_ended(train)
            assert said(capsys) == ["train: 4 of 4 (1 kept, 1 failed), 15 s"]

    def test_a_stage_with_nothing_to_do_says_nothing(self, lines, train, capsys):
        with lines:
            lines.stage_started(train, 0, 0)
            lines.stage_ended(train)
        assert said(capsys) == []

    def test_a_long_stage_says_now_and_then_how_far_it_is(self, lines, train, clock, capsys):
        with lines:
            lines.stage_started(train, 100, 10)
            for _ in range(9):
                clock.now += 10
                lines.task_ended(ended())
            assert said(capsys) == ["train: 13 of 100", "train: 16 of 100", "train: 19 of 100"]

    def test_a_long_task_says_now_and_then_how_far_it_is(self, lines, train, clock, capsys):
        with lines:
            lines.stage_started(train, 1, 0)
            for chunk in range(4):
                clock.now += 20
                lines.news({"stage": "train", "task": "MKI67 round 0", "chunk": chunk, "metrics": {"validation_loss": 0.5}})
            assert said(capsys) == [f"train: MKI67 round 0: chunk {n}, validation loss 0.500" for n in (2, 4)]

    def test_what_counts_for_itself_is_counted(self, lines, train, clock, capsys):
        with lines:
            lines.stage_started(train, 1, 0)
            clock.now += 31
            lines.news({"stage": "train", "completed": 40, "total": 150})
            assert said(capsys) == ["train: 40 of 150"]

    def test_what_counts_for_itself_ends_with_all_of_it(self, lines, train, clock, capsys):
        with lines:
            lines.stage_started(train, 1, 0)
            for completed in (40, 150):
                clock.now += 20
                lines.news({"stage": "train", "completed": completed, "total": 150})
            lines.task_ended(ended())
            lines.stage_ended(train)
            assert said(capsys)[-1] == "train: 150 of 150, 40 s"

    def test_what_counts_for_itself_and_fails_has_stopped_where_it_was(self, lines, train, capsys):
        with pytest.raises(KeyboardInterrupt), lines:
            lines.stage_started(train, 1, 0)
            lines.news({"stage": "train", "completed": 40, "total": 150})
            raise KeyboardInterrupt
        assert said(capsys) == ["train: stopped at 40 of 150, 0 s"]

    def test_a_stage_that_ends_the_run_is_said_to_have_stopped(self, lines, train, clock, capsys):
        with pytest.raises(KeyboardInterrupt), lines:
            lines.stage_started(train, 3, 0)
            lines.task_ended(ended())
            clock.now += 61
            raise KeyboardInterrupt
        assert said(capsys) == ["train: stopped at 1 of 3, 1:01 min"]


def test_a_bar_that_counts_for_itself_does_not_count_its_task_too(train):
    bars = ProgressBars()
    bars.stage_started(train, 1, 0)
    bars.news({"stage": "train", "completed": 150, "total": 150})
    bars.task_ended(ended())
    (bar,) = bars._progress.tasks
    assert (bar.completed, bar.total) == (150, 150)
