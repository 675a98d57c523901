"""Lines appended to a log are whole, even after a kill tore the one before."""

import os
import threading

from cartopath.store.atomic import append_line


def test_lines_follow_each_other(tmp_path):
    for line in ("one", "two", "three"):
        append_line(tmp_path / "log", line)
    assert (tmp_path / "log").read_bytes() == b"one\ntwo\nthree\n"


def test_a_line_after_a_torn_one_starts_on_a_row_of_its_own(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b'{"stage": "tiles"}\n{"sta')
    append_line(path, '{"stage": "train"}')
    assert path.read_text().splitlines() == ['{"stage": "tiles"}', '{"sta', '{"stage": "train"}']


def test_a_line_with_its_own_line_end_gets_no_second_one(tmp_path):
    append_line(tmp_path / "log", "one\n")
    append_line(tmp_path / "log", "two")
    assert (tmp_path / "log").read_bytes() == b"one\ntwo\n"


def test_the_folder_of_a_log_is_made(tmp_path):
    append_line(tmp_path / "a" / "log", "one")
    assert (tmp_path / "a" / "log").read_text() == "one\n"


def test_writers_at_the_same_time_do_not_tear_each_others_lines(tmp_path):
    path = tmp_path / "log"
    path.touch()
    lines = [f"{i}" * 200 for i in range(8)]
    writers = [threading.Thread(target=lambda line=line: [append_line(path, line) for _ in range(10)]) for line in lines]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = [line for line in path.read_text().split(os.linesep) if line]
    assert sorted(found) == sorted(lines * 10)
