"""Random changes of stain."""

import numpy as np
import pytest

from cartopath.core.errors import ConfigError
from cartopath.core.rng import stream
from cartopath.style import Macenko, StainChange, StainJitter, gradient_correlation, hed_amounts


def test_the_same_stream_changes_a_tile_in_the_same_way(tile):
    first, second = (StainJitter()(tile, stream(7, "stain jitter", "tile 3")) for _ in range(2))
    assert (first == second).all()


def test_another_stream_changes_it_in_another_way(tile):
    first, second = (StainJitter()(tile, stream(7, "stain jitter", name)) for name in ("tile 3", "tile 4"))
    assert (first != second).any()


def test_draws_stay_within_their_widths_and_fill_them():
    jitter, rng = StainJitter(gain=0.2, shift=0.1), stream(0, "widths")
    changes = [jitter.draw(rng) for _ in range(300)]
    gains, shifts = np.array([change.gains for change in changes]), np.array([change.shifts for change in changes])
    assert 0.8 <= gains.min() < 0.82 < 1.18 < gains.max() <= 1.2
    assert -0.1 <= shifts.min() < -0.09 < 0.09 < shifts.max() <= 0.1


def test_a_gain_multiplies_the_amount_of_its_stain(tile):
    changed = StainJitter().apply(tile, StainChange((1.2, 1.0, 1.0), (0.0, 0.0, 0.0)))
    assert hed_amounts(changed) == pytest.approx(hed_amounts(tile) * (1.2, 1.0, 1.0), abs=0.06)


def test_a_shift_adds_to_the_amount_of_its_stain(tile):
    changed = StainJitter().apply(tile, StainChange((1.0, 1.0, 1.0), (0.0, 0.1, 0.0)))
    assert (hed_amounts(changed) - hed_amounts(tile)).mean(axis=(0, 1)) == pytest.approx((0.0, 0.1, 0.0), abs=0.01)


def test_no_width_means_no_change(tile):
    assert (StainJitter(gain=0.0, shift=0.0)(tile, stream(0, "none")) == tile).all()


def test_the_strong_setting_keeps_edges(tile):
    changed = StainJitter(gain=0.2, shift=0.2)(tile, stream(0, "strong"))
    assert gradient_correlation(tile, changed) > 0.9


def test_clear_glass_is_not_tinted(tile, with_glass):
    changed = StainJitter(gain=0.2, shift=0.2)(with_glass(tile), stream(0, "glass"))
    assert (changed[:, :20] == (245, 244, 246)).all()


def test_fitted_stains_leave_the_residual_alone(tile):
    change = StainJitter(style=Macenko().fit([tile])).draw(stream(0, "fitted"))
    assert (change.gains[2], change.shifts[2]) == (1.0, 0.0)


@pytest.mark.parametrize("wrong", [{"gain": -0.1}, {"gain": 1.0}, {"shift": -1.0}])
def test_impossible_widths_are_refused(wrong):
    with pytest.raises(ConfigError, match=f"{next(iter(wrong))!r} parameter of StainJitter"):
        StainJitter(**wrong)
