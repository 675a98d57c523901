"""Tiles come in order, by any number of threads, in bounded memory."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from cartopath.core.errors import SlideError
from cartopath.slides import iter_tiles, open_slide, read_tiles
from cartopath.slides.reader import ordered_map


@pytest.fixture
def slide(tissue_slide):
    with open_slide(tissue_slide) as slide:
        yield slide


@pytest.fixture
def corners():
    return np.random.default_rng(0).integers(0, 1900, (23, 2))


def tile_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("cartopath-tiles")]


def test_native_tiles_are_the_very_pixels(slide, tissue_image, corners):
    corners = np.minimum(corners, 2048 - 64)
    tiles = read_tiles(slide, corners, window_px0=64, size_px=64)
    assert tiles.shape == (23, 64, 64, 3)
    assert tiles.dtype == np.uint8
    for tile, (x, y) in zip(tiles, corners, strict=True):
        assert np.array_equal(tile, tissue_image[y : y + 64, x : x + 64])


@pytest.mark.parametrize("threads", [2, 5])
def test_the_number_of_threads_does_not_change_a_byte(slide, corners, threads):
    alone = read_tiles(slide, corners, window_px0=150, size_px=64)
    assert np.array_equal(alone, read_tiles(slide, corners, window_px0=150, size_px=64, threads=threads))


@pytest.mark.parametrize("batch_size", [1, 4, 23, 100])
def test_batches_are_in_order_and_add_up_to_all_tiles(slide, corners, batch_size):
    expected = read_tiles(slide, corners, window_px0=100, size_px=50)
    together = np.zeros_like(expected)
    starts = []
    for rows, batch in iter_tiles(slide, corners, window_px0=100, size_px=50, batch_size=batch_size, threads=3):
        assert len(batch) == rows.stop - rows.start <= batch_size
        together[rows] = batch
        starts.append(rows.start)
    assert starts == list(range(0, 23, batch_size))
    assert np.array_equal(together, expected)


def test_a_batch_stays_as_it_is_when_the_next_is_read(slide, corners):
    batches = iter_tiles(slide, corners, window_px0=64, size_px=64, batch_size=4)
    _, first = next(batches)
    before = first.copy()
    for _ in batches:
        pass
    assert np.array_equal(first, before)


def test_no_tiles_give_an_empty_array_and_no_batch(slide):
    nothing = np.empty((0, 2), int)
    assert read_tiles(slide, nothing, window_px0=64, size_px=32).shape == (0, 32, 32, 3)
    assert list(iter_tiles(slide, nothing, window_px0=64, size_px=32, batch_size=4)) == []


def test_tiles_past_the_border_are_padded_with_white(slide, tissue_image):
    (tile,) = read_tiles(slide, np.array([[2000, 1990]]), window_px0=64, size_px=64)
    assert np.array_equal(tile[:58, :48], tissue_image[1990:, 2000:])
    assert (tile[58:] == 255).all()
    assert (tile[:, 48:] == 255).all()


def test_the_next_batch_is_read_while_the_caller_works(slide, corners, monkeypatch):
    read, seen = slide.read_region, []
    monkeypatch.setattr(slide, "read_region", lambda *where: seen.append(where) or read(*where))
    batches = iter_tiles(slide, corners, window_px0=64, size_px=64, batch_size=5)
    next(batches)
    deadline = time.monotonic() + 10
    while len(seen) < 10 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(seen) == 10
    batches.close()


def test_stopping_early_leaves_no_thread_behind(slide, corners):
    batches = iter_tiles(slide, corners, window_px0=64, size_px=64, batch_size=2, threads=2)
    next(batches)
    assert tile_threads()
    batches.close()
    assert not tile_threads()


def test_an_unreadable_tile_is_an_error_and_leaves_no_thread_behind(slide, corners, monkeypatch):
    read, calls = slide.read_region, []

    def fail_at_the_seventh(*where):
        calls.append(where)
        if len(calls) == 7:
            raise SlideError("tissue.tif: damaged")
        return read(*where)

    monkeypatch.setattr(slide, "read_region", fail_at_the_seventh)
    with pytest.raises(SlideError, match="damaged"):
        read_tiles(slide, corners, window_px0=64, size_px=64, threads=2)
    assert not tile_threads()


def test_no_more_items_are_in_flight_than_allowed():
    started, taken, most = [], 0, 0
    results = ordered_map(lambda item: started.append(item) or item, range(500), threads=3, in_flight=8)
    for result in results:
        most = max(most, len(started) - taken)
        assert result == taken
        taken += 1
    assert taken == 500
    assert most <= 9
