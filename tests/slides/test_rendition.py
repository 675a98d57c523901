"""Which pixels a window is made from, and how they are resampled."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from cartopath.slides.rendition import Rendition, are_exact, choose_rendition, place, place_many, resample

LEVELS = (1.0, 4.0, 16.0)
JPEG = [(1, 2, 4, 8)] * 3


@pytest.mark.parametrize(
    ("downsample", "level", "shrink"),
    [
        (0.5, 0, 1),
        (1.0, 0, 1),
        (1.9, 0, 1),
        (1.92, 0, 2),
        (1.9785, 0, 2),
        (2.0, 0, 2),
        (3.7, 0, 2),
        (3.9, 1, 1),
        (8.0, 1, 2),
        (15.0, 1, 2),
        (15.5, 2, 1),
        (16.0, 2, 1),
        (100.0, 2, 4),
        (1000.0, 2, 8),
    ],
)
def test_the_decoder_shrinks_the_coarsest_level_that_is_fine_enough(downsample, level, shrink):
    assert choose_rendition(downsample, LEVELS, JPEG, "fast") == Rendition(level, shrink, LEVELS[level] * shrink)


@pytest.mark.parametrize(
    ("downsample", "level"), [(0.5, 0), (1.0, 0), (3.9, 0), (3.97, 1), (4.0, 1), (15.8, 1), (15.9, 2), (99.0, 2)]
)
def test_lanczos_starts_from_a_level_as_it_is(downsample, level):
    assert choose_rendition(downsample, LEVELS, JPEG, "lanczos") == Rendition(level, 1, LEVELS[level])


def test_frames_that_cannot_be_decoded_smaller_are_not():
    assert choose_rendition(2.0, LEVELS, [(1,)] * 3, "fast").shrink == 1
    assert choose_rendition(8.0, (1.0,), [(1, 2)], "fast").shrink == 2


@pytest.mark.parametrize("scaling", ["fast", "lanczos"])
@pytest.mark.parametrize("downsample", [1.0, 2.0, 4.00031, 15.97])
def test_many_places_are_those_of_each(scaling, downsample):
    corners = np.random.default_rng(0).integers(-3000, 200_000, (500, 2))
    many = place_many(corners, 1013, downsample, scaling)
    for box, (x, y) in zip(many, corners.tolist(), strict=True):
        one = place(x, y, (1013, 1013), downsample, scaling)
        assert box.tolist() == [one.left, one.top, one.width, one.height]


@pytest.mark.parametrize("scaling", ["fast", "lanczos"])
@pytest.mark.parametrize("downsample", [1.0, 2.0, 4.00031])
def test_a_placed_window_lies_within_half_a_pixel_of_where_it_is(scaling, downsample):
    for x in range(0, 5000, 317):
        placed = place(x, 2 * x, (1013, 1013), downsample, scaling)
        left, right = placed.left + placed.box[0], placed.left + placed.box[2]
        assert abs(left - x / downsample) <= 0.5
        assert abs(right - (x + 1013) / downsample) <= 0.5
        assert placed.box[2] <= placed.width + 1e-6


def test_fast_windows_are_whole_pixels_side_by_side():
    first, second = (place(x, 0, (1013, 1013), 2.0, "fast") for x in (0, 1013))
    assert first.left + first.width == second.left
    assert first.box == (0.0, 0.0, first.width, first.height)


@pytest.mark.parametrize(
    ("corners", "window", "downsample", "scaling", "exact"),
    [
        ([(10, 20)], 64, 1.0, "lanczos", [True]),
        ([(10, 20)], 65, 1.0, "fast", [False]),
        ([(0, 0), (3, 0), (4, 8)], 128, 2.0, "lanczos", [True, False, True]),
        ([(0, 0), (3, 0), (4, 8)], 128, 2.0, "fast", [True, True, True]),
        ([(0, 0)], 129, 2.0, "lanczos", [False]),
    ],
)
def test_windows_are_exact_where_nothing_is_to_be_resampled(corners, window, downsample, scaling, exact):
    assert are_exact(np.array(corners), window, downsample, scaling, 64).tolist() == exact


def noise(side, seed=0):
    """Smooth at eight pixels."""
    coarse = np.random.default_rng(seed).integers(0, 255, (side // 8, side // 8, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC))


@pytest.mark.parametrize(("side", "least_db"), [(517, 45), (560, 44), (700, 38), (800, 33), (1020, 33)])
def test_fast_resampling_is_near_lanczos(side, least_db):
    picture = noise(side + 4 - side % 4)[:side, :side].copy()
    fast = resample(picture, (0.0, 0.0, float(side), float(side)), (512, 512), "fast")
    lanczos = resample(picture, (0.0, 0.0, float(side), float(side)), (512, 512), "lanczos")
    error = np.mean((fast.astype(float) - lanczos) ** 2)
    assert 10 * np.log10(255**2 / error) >= least_db


@pytest.mark.parametrize("scaling", ["fast", "lanczos"])
def test_results_go_where_they_are_wanted(scaling):
    picture, out = noise(300), np.zeros((128, 128, 3), np.uint8)
    found = resample(picture, (0.0, 0.0, 300.0, 300.0), (128, 128), scaling, out=out)
    assert found is out
    assert np.array_equal(out, resample(picture, (0.0, 0.0, 300.0, 300.0), (128, 128), scaling))


@pytest.mark.parametrize("scaling", ["fast", "lanczos"])
def test_halving_whole_blocks_keeps_their_means(scaling):
    blocks = np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8)
    picture = blocks.repeat(32, 0).repeat(32, 1)
    found = resample(picture, (0.0, 0.0, 512.0, 512.0), (256, 256), scaling)
    assert np.array_equal(found[8::16, 8::16], blocks)
