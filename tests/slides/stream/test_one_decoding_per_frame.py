"""The stream decodes each frame once, reads ahead, keeps to its memory and leaves nothing behind."""

from __future__ import annotations

import threading
import time
import tracemalloc

import numpy as np
import pytest

from cartopath.slides import iter_tiles, map_tiles, read_tiles
from cartopath.slides.array_pool import POOL
from cartopath.slides.stream.cutter import TileWindow
from cartopath.slides.stream.cutting import make_cutter


def grid(step, *, width=900, height=700, side=100):
    return np.array([(x, y) for y in range(0, height - side + 1, step) for x in range(0, width - side + 1, step)])


def drained(batches):
    return sum(len(batch.pixels) for batch in batches)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("step", [100, 73, 20])
@pytest.mark.parametrize("batch_size", [1, 16, 1000])
def test_each_frame_is_decoded_once_even_when_tiles_overlap(counted, picture, threads, step, batch_size):
    slide, backend = counted(picture)
    corners = grid(step)
    tiles = iter_tiles(slide, corners, window_px0=100, size_px=100, batch_size=batch_size, threads=threads)
    assert drained(tiles) == len(corners)
    assert set(backend.decoded.values()) == {1}
    touched = {
        (col, row) for col in range(-(-(corners[:, 0].max() + 100) // 64)) for row in range(-(-(corners[:, 1].max() + 100) // 64))
    }
    assert set(backend.decoded) == touched
    assert sum(map(len, backend.fetches)) == len(touched)


def test_frames_that_no_tile_touches_are_not_even_read(counted, picture):
    slide, backend = counted(picture)
    read_tiles(slide, np.array([(70, 70), (75, 80)]), window_px0=40, size_px=40)
    assert set(backend.decoded) == {(1, 1)}
    assert backend.fetches == [[(1, 1)]]


@pytest.mark.parametrize(
    ("window", "size", "shrink"), [(100, 100, 1), (190, 100, 1), (200, 100, 2), (198, 100, 2), (400, 100, 4), (900, 100, 4)]
)
def test_the_decoder_shrinks_what_is_wanted_coarser(counted, picture, window, size, shrink, monkeypatch):
    slide, backend = counted(picture)
    seen = set()
    decode = backend.decode
    monkeypatch.setattr(backend, "decode", lambda *a, shrink, **_: seen.add(shrink) or decode(*a, shrink=shrink))
    read_tiles(slide, np.array([(0, 0)]), window_px0=window, size_px=size)
    assert seen == {shrink}


def test_lanczos_scaling_decodes_everything(counted, picture, monkeypatch):
    slide, backend = counted(picture, scaling="lanczos")
    decode = backend.decode
    monkeypatch.setattr(
        backend, "decode", lambda *a, shrink, **_: decode(*a, shrink=shrink) if shrink == 1 else pytest.fail("shrunk")
    )
    read_tiles(slide, np.array([(0, 0)]), window_px0=400, size_px=100)


def test_frames_needed_later_are_given_up_where_space_is_short(counted, picture):
    slide, backend = counted(picture)
    corners = np.random.default_rng(1).permutation(grid(50))
    expected = read_tiles(slide, corners, window_px0=100, size_px=100)
    backend.decoded.clear()
    cutter = make_cutter(slide, corners, TileWindow(100, 100), kept_bytes=20 * 64 * 64 * 3)
    most = 0
    for tile in range(len(corners)):
        out = np.empty((100, 100, 3), np.uint8)
        for job in cutter.admit(tile, [out]):
            for complete in cutter.run(job):
                cutter.cut(complete, out)
                cutter.finish(complete)
        assert np.array_equal(out, expected[tile])
        most = max(most, cutter.n_held)
    assert 15 <= most <= 25  # of which some at the border are small
    assert max(backend.decoded.values()) > 1


def test_those_needed_soonest_are_kept(counted, picture):
    slide, backend = counted(picture)
    # Three tiles of one frame each in turn, with room for two of the frames: the one needed last is decoded again.
    corners = np.array([(0, 0), (64, 0), (128, 0), (0, 0), (64, 0), (128, 0)])
    cutter = make_cutter(slide, corners, TileWindow(64, 64), kept_bytes=2 * 64 * 64 * 3)
    for tile in range(len(corners)):
        out = np.empty((64, 64, 3), np.uint8)
        for job in cutter.admit(tile, [out]):
            for complete in cutter.run(job):
                cutter.cut(complete, out)
                cutter.finish(complete)
    assert backend.decoded == {(0, 0): 1, (1, 0): 1, (2, 0): 2}
    assert cutter.n_held == 0


def test_decoding_goes_on_while_the_caller_works_and_stops_before_memory_fills(counted, picture):
    slide, backend = counted(picture)
    corners = np.tile(grid(100), (40, 1))
    batches = iter_tiles(slide, corners, window_px0=100, size_px=512, batch_size=8, threads=2)
    next(batches)
    deadline = time.monotonic() + 20
    while len(backend.fetches) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.2)
    asked = sum(map(len, backend.fetches))
    time.sleep(0.2)
    assert sum(map(len, backend.fetches)) == asked  # it waits for the caller
    assert 9 < asked < len(corners) / 2
    batches.close()


def test_threads_decode_side_by_side(counted, picture, monkeypatch):
    slide, backend = counted(picture)
    meeting, decode = threading.Barrier(3), backend.decode

    def together(*arguments, **how):
        if meeting.n_waiting >= 0 and not backend.decoded:
            meeting.wait(timeout=30)  # passes only if three threads are decoding now
        return decode(*arguments, **how)

    monkeypatch.setattr(backend, "decode", together)
    drained(iter_tiles(slide, grid(100), window_px0=100, size_px=100, batch_size=16, threads=3))


def test_the_system_is_told_of_frames_before_they_are_read(counted, picture):
    slide, backend = counted(picture)
    drained(iter_tiles(slide, grid(100), window_px0=100, size_px=100, batch_size=8, threads=1))
    assert len(backend.fetches) >= 6
    for cells, told in zip(backend.fetches[1:], backend.announced, strict=False):
        assert set(cells) <= set(told)


def test_frames_are_decoded_while_others_come_over_the_network(counted, picture, monkeypatch):
    slide, backend = counted(picture, seconds=0.005)
    fetch, overlaps = backend.fetch, []

    def slowly(level, cells):
        before = sum(backend.decoded.values())
        time.sleep(0.03)
        overlaps.append(sum(backend.decoded.values()) > before)
        return fetch(level, cells)

    monkeypatch.setattr(backend, "is_local", False)
    monkeypatch.setattr(backend, "fetch", slowly)
    drained(iter_tiles(slide, grid(100), window_px0=100, size_px=100, batch_size=8, threads=1))
    assert sum(overlaps) >= len(overlaps) - 3
    assert len(overlaps) >= 6


def test_stopping_early_leaves_no_thread_behind(counted, picture):
    slide, _ = counted(picture)
    before = threading.active_count()
    batches = iter_tiles(slide, grid(50), window_px0=100, size_px=100, batch_size=2, threads=3)
    next(batches)
    assert threading.active_count() == before + 3
    batches.close()
    assert threading.active_count() == before


@pytest.mark.parametrize("where", ["fetch", "decode"])
def test_a_failure_that_is_no_damage_reaches_the_caller(counted, picture, monkeypatch, where):
    slide, backend = counted(picture)

    def fail(*arguments, **options):
        raise ZeroDivisionError("a mistake")

    monkeypatch.setattr(backend, where, fail)
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError, match="a mistake"):
        drained(iter_tiles(slide, grid(100), window_px0=100, size_px=100, batch_size=4, threads=2))
    assert threading.active_count() == before


def test_a_failing_function_reaches_the_caller(counted, picture):
    slide, _ = counted(picture)
    with pytest.raises(ZeroDivisionError):
        list(map_tiles(lambda tile: 1 // 0, slide, grid(100), window_px0=100, size_px=100, threads=2))


def test_memory_is_bounded_however_many_tiles_there_are(counted, picture, monkeypatch):
    monkeypatch.setattr("cartopath.slides.stream.pump._BYTES_AHEAD", 4 << 20)
    slide, _ = counted(picture)
    peaks = []
    for repeats in (5, 50):
        corners = np.tile(grid(100), (repeats, 1))
        tracemalloc.start()
        drained(iter_tiles(slide, corners, window_px0=100, size_px=128, batch_size=32, threads=2))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    per_tile = (peaks[1] - peaks[0]) / (45 * len(grid(100)))
    assert per_tile < 1000  # bytes: which frames it needs; its pixels are 49 kB


def test_batches_of_a_long_stream_come_from_few_arrays(counted, picture):
    slide, _ = counted(picture)
    corners = np.repeat(grid(100), 60, axis=0)
    before = POOL.n_made
    assert drained(iter_tiles(slide, corners, window_px0=100, size_px=100, batch_size=20, threads=2)) == len(corners) > 2000
    assert POOL.n_made - before <= 50  # of more than 100 batches: those of two rows of tiles, and one more
