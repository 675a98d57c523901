"""Cost against the number of tiles."""

import numpy as np
import pytest

from cartopath.benchmark.cost import cost_after_start, exponent, seconds_to_read, seconds_to_tile, write_square_slide
from cartopath.core.errors import SlideError


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_the_exponent_of_a_power_law_is_found(power):
    n_tiles = np.array([1e3, 1e4, 1e5, 1e6])
    found = exponent(n_tiles, 3e-3 * n_tiles**power)
    assert (found.value, found.low, found.high) == pytest.approx((power,) * 3)


def test_the_interval_covers_the_truth():
    n_tiles = np.logspace(3, 6, 7)
    noise = np.exp(np.random.default_rng(0).normal(0, 0.05, 7))
    found = exponent(n_tiles, 1e-3 * n_tiles * noise)
    assert found.low < 1.0 < found.high
    assert found.high - found.low < 0.1


@pytest.mark.parametrize("start", [0.0, 0.05, 0.5])
@pytest.mark.parametrize("power", [0.8, 1.0, 1.2])
def test_a_fixed_start_is_told_from_the_price_of_each_tile(start, power):
    n_tiles = np.logspace(3, 6, 7)
    noise = np.exp(np.random.default_rng(1).normal(0, 0.01, 7))
    found = cost_after_start(n_tiles, (start + 7e-5 * n_tiles**power) * noise)
    assert found.exponent.value == pytest.approx(power, abs=0.02)
    assert found.start == pytest.approx(start, abs=0.02 + start / 10)


def test_a_square_slide_has_about_as_many_tiles_as_asked(tmp_path):
    assert write_square_slide(tmp_path / "s.tif", 10) == 9
    assert seconds_to_read(tmp_path / "s.tif", 9, threads=1) > 0
    assert seconds_to_tile(tmp_path / "s.tif", threads=1) > 0
    with pytest.raises(SlideError, match="has 9 tiles of 64 px, not 10"):
        seconds_to_read(tmp_path / "s.tif", 10, threads=1)
