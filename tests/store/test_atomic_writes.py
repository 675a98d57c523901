"""A final name is absent or complete, whatever happens while it is written."""

import os
import signal
import subprocess
import sys
import time

import pytest

from cartopath.store.atomic import TEMP_PREFIX, atomic_path, sweep_temporary, write_bytes, write_text


def leftovers(folder):
    return sorted(path.name for path in folder.rglob(f"{TEMP_PREFIX}*"))


def test_a_written_file_holds_exactly_its_content(tmp_path):
    write_bytes(tmp_path / "a.bin", b"\r\n\x00")
    assert (tmp_path / "a.bin").read_bytes() == b"\r\n\x00"
    assert leftovers(tmp_path) == []


def test_text_is_utf8_with_unix_line_ends(tmp_path):
    write_text(tmp_path / "a.txt", "µm\nb\n")
    assert (tmp_path / "a.txt").read_bytes() == b"\xc2\xb5m\nb\n"


def test_missing_folders_are_made(tmp_path):
    write_text(tmp_path / "a" / "b" / "c.txt", "x")
    assert (tmp_path / "a" / "b" / "c.txt").read_text() == "x"


def test_an_exception_leaves_the_old_file_and_no_temporary_one(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(RuntimeError, match="half way"), atomic_path(path) as temporary:
        temporary.write_text("ne")
        raise RuntimeError("half way")
    assert path.read_text() == "old"
    assert leftovers(tmp_path) == []


def test_an_exception_leaves_no_file_where_there_was_none(tmp_path):
    with pytest.raises(RuntimeError), atomic_path(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_block_that_writes_nothing_is_an_error_and_leaves_the_old_file(tmp_path):
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "a.txt"):
        pass
    assert (tmp_path / "a.txt").read_text() == "old"


def test_readers_see_the_old_content_until_the_block_ends(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with atomic_path(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_a_reader_in_the_middle_of_the_old_file_reads_it_to_its_end(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old content")
    with path.open() as reader:
        assert reader.read(3) == "old"
        write_text(path, "something else")
        assert reader.read() == " content"


@pytest.mark.parametrize("name", ["slide.ome.tif", "table.parquet", "weights.safetensors", "plain"])
def test_the_temporary_name_keeps_the_suffix_by_which_libraries_choose_a_format(tmp_path, name):
    with atomic_path(tmp_path / name) as temporary:
        assert temporary.suffixes == (tmp_path / name).suffixes
        temporary.write_bytes(b"x")


def test_a_name_as_long_as_the_file_system_allows_can_be_written(tmp_path):
    path = tmp_path / f"{'n' * 247}.parquet"
    write_bytes(path, b"x")
    assert path.read_bytes() == b"x"


def test_the_temporary_file_lies_beside_the_final_one_so_that_replacing_is_one_step(tmp_path):
    with atomic_path(tmp_path / "deep" / "a.txt") as temporary:
        assert temporary.parent == tmp_path / "deep"
        temporary.write_text("x")


_WRITES_UNTIL_KILLED = """
import sys, time
from pathlib import Path
from cartopath.store.atomic import atomic_path
path = Path(sys.argv[1])
with atomic_path(path) as temporary:
    with temporary.open("wb") as file:
        file.write(b"new" * 100_000)
        file.flush()
        (path.parent / "half").touch()
        time.sleep(60)
"""


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
def test_a_kill_in_the_middle_of_writing_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.bin"
    write_bytes(path, b"old")
    with subprocess.Popen([sys.executable, "-c", _WRITES_UNTIL_KILLED, str(path)]) as writer:
        try:
            deadline = time.monotonic() + 60
            while not (tmp_path / "half").exists() and time.monotonic() < deadline:
                time.sleep(0.01)
        finally:
            writer.send_signal(signal.SIGKILL)
    assert path.read_bytes() == b"old"
    assert len(leftovers(tmp_path)) == 1


def test_what_a_kill_left_is_swept_and_nothing_else(tmp_path):
    write_text(tmp_path / "sub" / "kept.txt", "x")
    for folder in (tmp_path, tmp_path / "sub"):
        (folder / f"{TEMP_PREFIX}0123.txt").write_text("half")
    assert sweep_temporary(tmp_path) == 2
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["kept.txt"]


def test_a_temporary_file_that_somebody_just_wrote_to_can_be_spared(tmp_path):
    fresh, old = tmp_path / f"{TEMP_PREFIX}fresh", tmp_path / f"{TEMP_PREFIX}old"
    for path in (fresh, old):
        path.write_text("half")
    hours_ago = time.time() - 7200
    os.utime(old, (hours_ago, hours_ago))
    assert sweep_temporary(tmp_path, older_than_s=3600) == 1
    assert fresh.exists()
    assert not old.exists()
