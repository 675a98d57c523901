"""Which tiles of a slide are read."""

import numpy as np
import pytest

from cartopath.benchmark.sample import cells_of, is_cut_without_resampling, middle, native_sample, off_the_grid, scaled_sample
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


@pytest.mark.parametrize(("n_tiles", "block"), [(1, (1, 1)), (2, (1, 2)), (16, (4, 4)), (17, (4, 4)), (40, (6, 6)), (70, (8, 8))])
def test_the_middle_of_a_sample_is_a_block(slide, n_tiles, block):
    whole = native_sample(slide, 128, n_tiles=80)  # 10 x 8
    part = middle(whole, n_tiles)
    cols, rows = (len(np.unique(part.xy_px0[:, axis])) for axis in (0, 1))
    assert (cols, rows) == block
    assert part.n_tiles == cols * rows <= n_tiles
    assert np.abs(part.xy_px0.mean(axis=0) - whole.xy_px0.mean(axis=0)).max() <= 64


def test_a_sample_that_holds_no_more_is_its_own_middle(slide):
    whole = native_sample(slide, 128, n_tiles=80)
    assert middle(whole, 80) is whole


@pytest.mark.parametrize(("mpp", "is_whole"), [(0.25, True), (0.5, True), (0.51, False), (0.2, False)])
def test_tiles_that_need_no_resampling_are_known(slide, mpp, is_whole):
    sample = scaled_sample(slide, 64, mpp, n_tiles=16)
    assert is_cut_without_resampling(sample, slide.best_rendition(sample.downsample), slide.scaling) == is_whole
