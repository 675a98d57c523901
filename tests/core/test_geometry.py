"""Sizes, regions and the window of a tile."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartopath.core.geometry import RegionPx0, SizePx0, SizeUm, window_px0


@pytest.mark.parametrize(
    ("size_px", "mpp", "slide_mpp", "expected"),
    [
        (512, 0.5, 0.2525, 1013),  # floor(1013.86): the window of the paper's code
        (512, 0.5, 0.2527, 1013),
        (512, 0.5, 0.5, 512),
        (512, 0.5, 0.25, 1024),
        (64, 1.0, 0.4942, 129),
        (512, 0.5, 1.0, 256),
    ],
)
def test_the_window_is_the_physical_size_rounded_down(size_px, mpp, slide_mpp, expected):
    assert window_px0(size_px, mpp, slide_mpp) == expected


@pytest.mark.parametrize("slide_mpp", [0.1, 0.2, 0.3, 0.7, 0.05])
def test_a_window_that_is_whole_in_decimals_is_not_lost_to_binary_rounding(slide_mpp):
    assert window_px0(10, slide_mpp, slide_mpp) == 10
    assert window_px0(300, slide_mpp, slide_mpp / 3) == 900


@given(st.integers(16, 4096), st.floats(0.06, 19), st.floats(0.06, 19))
def test_a_window_is_never_larger_and_less_than_one_pixel_smaller_than_its_physical_size(size_px, mpp, slide_mpp):
    exact = size_px * mpp / slide_mpp
    window = window_px0(size_px, mpp, slide_mpp)
    assert window == 1 if exact < 1 else exact - 1 < window <= exact * (1 + 1e-9) + 1e-9


def test_pixels_become_micrometres_by_the_resolution():
    assert SizePx0(1000, 500).to_um(0.25) == SizeUm(250.0, 125.0)


@pytest.mark.parametrize(
    ("region", "is_within"),
    [
        (RegionPx0(0, 0, 100, 50), True),
        (RegionPx0(0, 0, 101, 50), False),
        (RegionPx0(0, 1, 100, 50), False),
        (RegionPx0(-1, 0, 10, 10), False),
        (RegionPx0(90, 40, 10, 10), True),
    ],
)
def test_a_region_is_within_an_image_only_as_a_whole(region, is_within):
    assert region.is_within(SizePx0(100, 50)) is is_within


def test_right_and_bottom_are_the_first_pixels_outside():
    region = RegionPx0(3, 4, 10, 20)
    assert (region.right, region.bottom) == (13, 24)
