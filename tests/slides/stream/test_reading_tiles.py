"""Tiles come in order, by any number of threads, whatever the decoder offers."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from cartopath.core.errors import SlideError, TileError
from cartopath.slides import iter_tiles, map_tiles, open_slide, read_tiles


@pytest.fixture
def slide(tissue_slide):
    with open_slide(tissue_slide) as slide:
        yield slide


@pytest.fixture
def corners():
    return np.random.default_rng(0).integers(0, 1900, (23, 2))


def tile_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith(("cartopath-decode", "cartopath-read"))]


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
    for batch in iter_tiles(slide, corners, window_px0=100, size_px=50, batch_size=batch_size, threads=3):
        assert len(batch.pixels) == len(batch.is_readable) == batch.rows.stop - batch.rows.start <= batch_size
        assert batch.is_readable.all()
        together[batch.rows] = batch.pixels
        starts.append(batch.rows.start)
    assert starts == list(range(0, 23, batch_size))
    assert np.array_equal(together, expected)


def test_a_batch_that_is_kept_stays_as_it_is(slide, corners):
    batches = iter_tiles(slide, corners, window_px0=64, size_px=64, batch_size=4)
    part = next(batches).pixels[1:3]  # a view of a batch that nobody else holds
    before = part.copy()
    for _ in batches:
        pass
    assert np.array_equal(part, before)


def test_no_tiles_give_an_empty_array_and_no_batch(slide):
    nothing = np.empty((0, 2), int)
    assert read_tiles(slide, nothing, window_px0=64, size_px=32).shape == (0, 32, 32, 3)
    assert read_tiles(slide, nothing, window_px0=64, size_px=32, threads=2).shape == (0, 32, 32, 3)
    assert list(iter_tiles(slide, nothing, window_px0=64, size_px=32, batch_size=4)) == []
    assert list(map_tiles(np.mean, slide, nothing, window_px0=64, size_px=32)) == []


def test_tiles_past_the_border_are_padded_with_white(slide, tissue_image):
    (tile,) = read_tiles(slide, np.array([[2000, 1990]]), window_px0=64, size_px=64)
    assert np.array_equal(tile[:58, :48], tissue_image[1990:, 2000:])
    assert (tile[58:] == 255).all()
    assert (tile[:, 48:] == 255).all()


def test_a_function_is_applied_to_every_tile_in_order(slide, corners):
    expected = [float(tile.mean()) for tile in read_tiles(slide, corners, window_px0=80, size_px=80)]
    found = list(map_tiles(lambda tile: float(tile.mean()), slide, corners, window_px0=80, size_px=80, threads=3))
    assert found == expected


@pytest.mark.parametrize("has_frames", [True, False])
@pytest.mark.parametrize(("window", "size"), [(100, 100), (150, 100), (101, 50), (260, 64)])
@pytest.mark.parametrize("scaling", ["fast", "lanczos"])
def test_a_streamed_tile_is_what_the_slide_shows_there(counted, picture, has_frames, window, size, scaling):
    slide, _ = counted(picture, has_frames=has_frames, scaling=scaling)
    corners = np.array([(x, y) for y in range(-30, 700, 93) for x in range(-51, 900, 117)])
    tiles = read_tiles(slide, corners, window_px0=window, size_px=size, threads=2)
    for tile, (x, y) in zip(tiles, corners.tolist(), strict=True):
        assert np.array_equal(tile, slide.read_scaled(x, y, (window, window), (size, size)))


@pytest.mark.parametrize("frame", [(64, 64), (900, 16), (256, 128), (1024, 1024)])
def test_frames_of_any_shape_make_the_same_tiles(counted, picture, frame):
    slide, _ = counted(picture, frame=frame)
    corners = np.array([(0, 0), (63, 65), (500, 123), (850, 650)])
    for tile, (x, y) in zip(read_tiles(slide, corners, window_px0=120, size_px=120), corners, strict=True):
        whole = np.full((120, 120, 3), 255, np.uint8)
        part = picture[y : y + 120, x : x + 120]
        whole[: part.shape[0], : part.shape[1]] = part
        assert np.array_equal(tile, whole)


@pytest.mark.parametrize("frame", [(64, 64), (32, 64), (128, 16)])
@pytest.mark.parametrize(("window", "size"), [(128, 128), (128, 64), (192, 50), (256, 64)])
@pytest.mark.parametrize("threads", [1, 3])
def test_tiles_on_the_grid_of_frames_are_what_the_slide_shows_there(counted, picture, frame, window, size, threads):
    slide, _ = counted(picture, frame=frame)
    corners = np.array([(x, y) for y in range(0, 700, window) for x in range(-window, 900, window)] + [(window, 0), (0, 5)])
    tiles = read_tiles(slide, corners, window_px0=window, size_px=size, threads=threads)
    for tile, (x, y) in zip(tiles, corners.tolist(), strict=True):
        assert np.array_equal(tile, slide.read_scaled(x, y, (window, window), (size, size)))


def test_of_tiles_on_the_grid_of_frames_damage_costs_one_and_missing_frames_are_white(counted, picture):
    slide, backend = counted(picture, damaged=[(3, 2)], missing=[(4, 3), (9, 0)])
    corners = np.array([(x, y) for y in range(0, 640, 128) for x in range(0, 896, 128)])
    (batch,) = iter_tiles(slide, corners, window_px0=128, size_px=128, batch_size=100, threads=2)
    assert corners[~batch.is_readable].tolist() == [[128, 128]]
    picture = picture.copy()
    picture[192:256, 256:320] = picture[:64, 576:640] = picture[128:256, 128:256] = 255
    for tile, (x, y) in zip(batch.pixels, corners.tolist(), strict=True):
        assert np.array_equal(tile, picture[y : y + 128, x : x + 128])
    assert set(backend.decoded.values()) == {1}


@pytest.mark.parametrize("has_frames", [True, False])
def test_damage_costs_the_tiles_that_it_touches_and_no_others(counted, picture, has_frames):
    slide, _ = counted(picture, damaged=[(3, 2)], has_frames=has_frames)
    corners = np.array([(x, y) for y in range(0, 600, 100) for x in range(0, 800, 100)])
    touched = (corners[:, 0] < 256) & (corners[:, 0] + 100 > 192) & (corners[:, 1] < 192) & (corners[:, 1] + 100 > 128)
    assert touched.sum() == 2
    batches = list(iter_tiles(slide, corners, window_px0=100, size_px=100, batch_size=10, threads=2))
    assert np.array_equal(np.concatenate([batch.is_readable for batch in batches]), ~touched)
    pixels = np.concatenate([batch.pixels for batch in batches])
    assert (pixels[touched] == 255).all()
    for tile, (x, y) in zip(pixels[~touched], corners[~touched], strict=True):
        assert np.array_equal(tile, picture[y : y + 100, x : x + 100])
    measured = list(map_tiles(lambda tile: 1, slide, corners, window_px0=100, size_px=100))
    assert [value is None for value in measured] == touched.tolist()


@pytest.mark.parametrize("threads", [1, 3])
def test_asking_for_damaged_tiles_by_themselves_is_an_error_that_names_the_place(counted, picture, threads):
    slide, _ = counted(picture, damaged=[(0, 1)])
    with pytest.raises(
        TileError, match=r"counted.tif: cannot decode 64 x 64 px of level 0 at level-0 \(10, 60\): planted damage"
    ):
        read_tiles(slide, np.array([(200, 0), (10, 60)]), window_px0=64, size_px=64, threads=threads)
    assert not tile_threads()


def test_a_missing_frame_is_white(counted, picture):
    slide, _ = counted(picture, missing=[(1, 0)])
    (tile,) = read_tiles(slide, np.array([(0, 0)]), window_px0=128, size_px=128)
    assert (tile[:64, 64:] == 255).all()
    assert np.array_equal(tile[:, :64], picture[:128, :64])


def test_impossibly_large_tiles_are_refused_before_memory_is_asked_for(slide):
    with pytest.raises(SlideError, match="need too many pixels of level 0"):
        read_tiles(slide, np.array([(0, 0)]), window_px0=1_000_000, size_px=1_000_000)
