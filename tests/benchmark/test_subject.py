"""Which goals apply to which slide."""

import numpy as np
import pytest
import tifffile

from cartopath.benchmark.subject import Settings, choose_subject


def settings(mpp):
    return Settings(threads=2, size_px=64, mpp=mpp, n_tiles=16, assume_mpp=0.25)


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """A tiled slide that is not compressed as JPEG."""
    path = tmp_path_factory.mktemp("deflate") / "deflate.tif"
    pixels = np.random.default_rng(0).integers(0, 256, (512, 512, 3), np.uint8)
    tifffile.imwrite(path, pixels, photometric="rgb", tile=(64, 64), compression="deflate")
    return path


@pytest.mark.parametrize(
    ("mpp", "has_goal"),
    [
        (0.25, True),  # the pixels of level 0
        (0.5, True),  # shrunk by the decoder
        (1.0, True),  # the pixels of level 1
        (0.52, False),  # shrunk by the decoder, and a little more by a resample
        (0.125, False),  # enlarged
    ],
)
def test_tiles_of_a_study_have_goals_where_nothing_is_resampled(slide_40x, mpp, has_goal):
    found = choose_subject(slide_40x, settings(mpp))
    assert found.has_goal
    assert found.has_study_goal == has_goal


def test_other_compressions_have_no_goal(unpacked):
    found = choose_subject(unpacked, settings(0.25))
    assert found.size == (512, 512)
    assert not found.has_goal and not found.has_study_goal


def test_the_slide_is_described(slide_40x):
    found = choose_subject(slide_40x, settings(0.5))
    assert (found.backend, found.size, found.shrink) == ("direct", (1280, 1024), 2)
    assert found.on.sample.n_tiles == found.scaled.sample.n_tiles == 16
    assert found.on.threads == 2
