"""Reading the bytes of frames: as few reads as possible, side by side, and a failure costs its own frame only."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cartopath.core import remote
from cartopath.core.errors import SlideError
from cartopath.core.locations import as_path
from cartopath.slides.backends import frame_file
from cartopath.slides.backends.frame_file import FrameFile
from cartopath.slides.backends.protocol import FrameError


@pytest.fixture
def content():
    return np.random.default_rng(0).bytes(300_000)


@pytest.fixture
def local(tmp_path, content):
    path = tmp_path / "slide.bin"
    path.write_bytes(content)
    return path


@pytest.fixture
def preads(monkeypatch):
    """The calls of os.preadv: first byte and size."""
    calls, preadv = [], os.preadv
    monkeypatch.setattr(os, "preadv", lambda fd, into, start: calls.append((start, len(into[0]))) or preadv(fd, into, start))
    return calls


def test_ranges_come_back_in_the_order_asked_for(local, content):
    ranges = [(200_000, 500), (0, 10), (10, 20), (299_990, 10), (10, 20), (5, 0)]
    assert FrameFile(local).read_many(ranges) == [content[start : start + size] for start, size in ranges]


def test_neighbours_are_fetched_by_one_read(local, preads):
    FrameFile(local).read_many([(1000, 500), (0, 1000), (1500 + frame_file.MAX_GAP_BYTES, 100)])
    assert preads == [(0, 1600 + frame_file.MAX_GAP_BYTES)]


def test_what_lies_far_apart_is_read_apart(local, preads):
    FrameFile(local).read_many([(0, 1000), (1001 + frame_file.MAX_GAP_BYTES, 100)])
    assert preads == [(0, 1000), (1001 + frame_file.MAX_GAP_BYTES, 100)]


def test_no_read_for_several_frames_is_larger_than_the_limit(local, preads, monkeypatch, content):
    monkeypatch.setattr(frame_file, "MAX_READ_BYTES", 10_000)
    ranges = [(start, 4000) for start in range(0, 80_000, 4000)] + [(100_000, 50_000)]
    assert FrameFile(local).read_many(ranges) == [content[start : start + size] for start, size in ranges]
    assert max(size for start, size in preads if start < 100_000) <= 10_000


def test_a_frame_behind_the_end_costs_itself_only(local, content):
    first, beyond, negative, last = FrameFile(local).read_many([(0, 10), (299_999, 2), (-5, 2), (299_999, 1)])
    assert (first, last) == (content[:10], content[-1:])
    assert str(beyond) == "its 2 bytes from byte 299,999 lie beyond the end of the file at 300,000"
    assert isinstance(negative, FrameError)


def test_a_file_that_becomes_shorter_is_an_error_of_the_frames_that_are_gone(local, content):
    file = FrameFile(local)
    os.truncate(local, 1000)
    first, gone = file.read_many([(0, 1000), (200_000, 10)])
    assert first == content[:1000]
    assert "shorter" in str(gone)


def test_large_reads_use_memory_again(local, content):
    file = FrameFile(local)
    addresses = set()
    for start in range(0, 9):
        (found,) = file.read_many([(start, 270_000)])
        addresses.add(np.frombuffer(found, np.uint8).__array_interface__["data"][0])
        assert found == content[start : start + 270_000]
        del found
    assert len(addresses) < 9


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="this system cannot be told what to read ahead")
def test_the_system_is_told_what_to_read_ahead_and_nobody_waits(local, preads, monkeypatch):
    told = []
    monkeypatch.setattr(os, "posix_fadvise", lambda fd, start, size, advice: told.append((start, size, advice)))
    FrameFile(local).read_ahead([(1000, 500), (0, 1000), (299_999, 2), (200_000, 7)])
    assert told == [(0, 1500, os.POSIX_FADV_WILLNEED), (200_000, 7, os.POSIX_FADV_WILLNEED)]
    assert not preads


def test_threads_read_at_once_and_none_waits(local, content, monkeypatch):
    preadv, meeting = os.preadv, threading.Barrier(4, timeout=20)

    def together(fd, into, start):
        meeting.wait()
        return preadv(fd, into, start)

    monkeypatch.setattr(os, "preadv", together)
    file = FrameFile(local)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda start: file.read_many([(start, 7)])[0], range(0, 40_000, 10_000)))
    assert found == [content[start : start + 7] for start in range(0, 40_000, 10_000)]


def test_where_there_is_no_preadv_threads_take_turns(local, content, monkeypatch):
    monkeypatch.delattr(os, "preadv")
    file = FrameFile(local)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda start: file.read_many([(start, 999)])[0], range(0, 200_000, 1000)))
    assert found == [content[start : start + 999] for start in range(0, 200_000, 1000)]


def test_closing_waits_for_those_who_read_and_leaves_no_descriptor(local, content, monkeypatch):
    preadv, reading, closed = os.preadv, threading.Event(), threading.Event()

    def slowly(fd, into, start):
        reading.set()
        closed.wait(20)
        return preadv(fd, into, start)

    monkeypatch.setattr(os, "preadv", slowly)
    file = FrameFile(local)
    descriptor = file._source._descriptor
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(file.read_many, [(0, 9)])
        reading.wait(20)
        file.close()
        file.close()
        closed.set()
        assert future.result() == [content[:9]]
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
    (after,) = file.read_many([(0, 9)])
    assert isinstance(after, FrameError)


def test_a_missing_file_is_a_slide_error(tmp_path):
    with pytest.raises(SlideError, match=r"gone\.svs: cannot be read"):
        FrameFile(tmp_path / "gone.svs")


def test_a_url_is_asked_once_for_neighbours_and_in_one_call_for_all(slow_store, content):
    slow_store.files["a.svs"] = content
    ranges = [(0, 100), (290_000, 100), (100, 100)]
    assert FrameFile(as_path("slow://a.svs")).read_many(ranges) == [content[start : start + size] for start, size in ranges]
    assert slow_store.asked == [("a.svs", 0, 200), ("a.svs", 290_000, 290_100)]


def test_a_url_is_read_side_by_side(slow_store, content):
    slow_store.files["a.svs"] = content * 20
    file = FrameFile(as_path("slow://a.svs"))
    slow_store.latency_s = 0.1
    begun = time.perf_counter()
    file.read_many([(start, 10) for start in range(0, 6_000_000, 600_000)])
    assert len(slow_store.asked) == 10
    assert slow_store.most_at_once == 10
    assert time.perf_counter() - begun < 0.6


def test_a_moment_of_bad_network_is_not_a_damaged_frame(slow_store, content, monkeypatch):
    monkeypatch.setattr(remote, "PAUSES_S", (0.0, 0.0))
    slow_store.files["a.svs"] = content
    slow_store.failures = [OSError("reset"), TimeoutError()]
    assert FrameFile(as_path("slow://a.svs")).read_many([(5, 10)]) == [content[5:15]]


def test_a_request_that_keeps_failing_costs_its_frame_only(slow_store, content, monkeypatch):
    monkeypatch.setattr(remote, "PAUSES_S", (0.0,))
    slow_store.files["a.svs"] = content * 4
    slow_store.broken_from = 1_000_000
    good, bad = FrameFile(as_path("slow://a.svs")).read_many([(0, 10), (1_100_000, 10)])
    assert good == content[:10]
    assert str(bad) == "the file cannot be read (it is broken here)"


def test_memory_stays_bounded_by_several_calls(slow_store, content, monkeypatch):
    monkeypatch.setattr(frame_file, "MAX_FETCHED_BYTES", 5_000)
    monkeypatch.setattr(frame_file, "MAX_REMOTE_GAP_BYTES", 0)
    slow_store.files["a.svs"] = content
    file = FrameFile(as_path("slow://a.svs"))
    file._source.max_gap = 0
    file.read_many([(start, 2000) for start in range(0, 40_000, 4000)])
    assert slow_store.most_at_once == 2


def test_a_url_without_a_file_is_a_slide_error(slow_store):
    with pytest.raises(SlideError, match=r"slow://gone\.svs: cannot be read \(there is no such file\)"):
        FrameFile(as_path("slow://gone.svs"))


def test_memory_files_are_read_too(content):
    path = as_path("memory://frames/a.svs")
    path.write_bytes(content)
    assert FrameFile(path).read_many([(7, 9), (100, 3)]) == [content[7:16], content[100:103]]
