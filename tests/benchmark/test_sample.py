"""Which tiles of a slide are read."""

import numpy as np
import pytest

from cartopath.benchmark.sample import cells_of, native_sample, off_the_grid, scaled_sample
from cartopath.core.errors import SlideError
from cartopath.slides import open_slide


@pytest.fixture
def slide(slide_40x):
    with open_slide(slide_40x) as opened:
        yield opened


def test_native_tiles_lie_side_by_side_on_the_grid_of_frames(slide):
    sample = native_sample(slide, 128, n_tiles=16)
    assert sample.n_tiles == 16
    assert sample.window_px0 == sample.size_px == 128
    assert (sample.xy_px0 % 64 == 0).all()
    assert len(np.unique(sample.xy_px0, axis=0)) == 16
    assert np.ptp(sample.xy_px0, axis=0).tolist() == [3 * 128, 3 * 128]


def test_tiles_lie_where_the_tissue_is(slide):
    sample = native_sample(slide, 128, n_tiles=4)
    centre = sample.xy_px0.mean(axis=0) + 64
    assert np.abs(centre - [640, 512]).max() < 400


def test_scaled_tiles_are_as_wide_as_a_study_would_have_them(slide):
    sample = scaled_sample(slide, 64, 0.5, n_tiles=9)
    assert sample.window_px0 == 128
    assert sample.downsample == 2.0


def test_moved_tiles_touch_more_frames_and_stay_on_the_slide(slide):
    sample = native_sample(slide, 128, n_tiles=1000)
    moved = off_the_grid(sample, slide)
    size = slide.dimensions_px0
    assert (moved.xy_px0 + 128 <= [size.width, size.height]).all()
    assert (moved.xy_px0 % 64 == 37).all()
    assert moved.n_tiles == 9 * 7


def test_tiles_of_a_slide_that_they_fill_stay_where_they_are(slide):
    sample = native_sample(slide, 1024, n_tiles=1)
    assert off_the_grid(sample, slide) is sample


def test_no_more_tiles_are_asked_for_than_there_are(slide):
    assert native_sample(slide, 128, n_tiles=10_000).n_tiles == 10 * 8


def test_frames_are_listed_once_each(slide):
    sample = off_the_grid(native_sample(slide, 128, n_tiles=4), slide)
    cells = cells_of(sample, slide, slide.best_rendition(1.0), slide.frames.layout(0))
    assert len(cells) == len(set(cells)) == 5 * 5  # 2 x 2 tiles of 2 frames and a part of one more


def test_frames_of_shrunken_decoding_are_those_of_the_finer_level(slide):
    sample = scaled_sample(slide, 64, 0.5, n_tiles=4)
    rendition = slide.best_rendition(2.0)
    assert (rendition.level, rendition.shrink) == (0, 2)
    assert len(cells_of(sample, slide, rendition, slide.frames.layout(0))) == 4 * 4


def test_a_slide_smaller_than_a_tile_is_refused(slide):
    with pytest.raises(SlideError, match="use a smaller --tile-px"):
        native_sample(slide, 2048, n_tiles=4)
