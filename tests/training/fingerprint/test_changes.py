"""Augmentation: grey stays grey, nothing drawn changes nothing, right angles move pixels, seeds repeat (F46)."""

import math

import numpy as np
import pytest
import torch

from cartopath.core.errors import ConfigError
from cartopath.core.rng import stream
from cartopath.training.fingerprint.augment import augment
from cartopath.training.fingerprint.changes import NONE, AugmentationSpec, colour_matrix, draw_changes


def changed(tiles, spec, *, size_px=None, seed=0):
    n, n_styles = tiles.shape[:2]
    drawn = draw_changes(spec, n, n_styles, stream(seed, "augment"))
    arrays = {name: torch.from_numpy(getattr(drawn, name)) for name in type(drawn).__slots__}
    return augment(
        torch.from_numpy(tiles), arrays, size_px=size_px or tiles.shape[2], by_any_angle=spec.rotation == "any"
    ).numpy()


def some_tiles(n=6, n_styles=2, size=12, *, grey=False):
    tiles = stream(0, "tiles").integers(60, 190, (n, n_styles, size, size, 3), dtype=np.uint8)
    return np.repeat(tiles[..., :1], 3, axis=-1) if grey else tiles


def test_without_changes_tiles_are_as_they_were():
    tiles = some_tiles()
    assert changed(tiles, NONE) == pytest.approx(tiles.transpose(0, 1, 4, 2, 3) / 255, abs=1e-6)


def test_a_grey_tile_is_unchanged_by_hue_and_saturation():
    tiles = some_tiles(grey=True)
    spec = AugmentationSpec(rotation="none", brightness=0, contrast=0, saturation=1.0, hue=0.5, grey=0.5)
    assert changed(tiles, spec) == pytest.approx(tiles.transpose(0, 1, 4, 2, 3) / 255, abs=1e-5)


def test_turning_to_grey_keeps_the_luminance():
    tiles = some_tiles()
    spec = AugmentationSpec(rotation="none", brightness=0, contrast=0, saturation=0, hue=0.1, grey=1.0)
    luminance = tiles @ np.array([0.299, 0.587, 0.114]) / 255
    assert changed(tiles, spec) == pytest.approx(np.repeat(luminance[:, :, None], 3, axis=2), abs=1e-5)


def test_a_full_turn_of_hue_is_none():
    assert colour_matrix(np.array([2 * math.pi]), np.ones(1))[0] == pytest.approx(np.eye(3), abs=1e-9)


def test_right_angles_move_pixels_and_blend_none():
    tiles = some_tiles(n=40, n_styles=1, grey=True)
    spec = AugmentationSpec(rotation="right_angles", brightness=0, contrast=0, saturation=0, hue=0, grey=0)
    turned = changed(tiles, spec)
    counts = [0] * 4
    for tile, result in zip(tiles[:, 0, :, :, 0] / 255, turned[:, 0, 0], strict=True):
        fits = [np.allclose(np.rot90(tile, turns), result, atol=1e-6) for turns in range(4)]
        assert sum(fits) == 1
        counts[fits.index(True)] += 1
    assert min(counts) > 3


def test_any_angle_keeps_the_middle_and_stays_inside_the_square_that_was_read():
    size, spec = 8, AugmentationSpec(brightness=0, contrast=0, saturation=0, hue=0, grey=0)
    read_px = spec.read_px(size)
    tiles = np.full((20, 1, read_px, read_px, 3), 200, np.uint8)
    assert changed(tiles, spec, size_px=size) == pytest.approx(200 / 255, abs=1e-5)
    y, x = np.mgrid[:read_px, :read_px] - (read_px - 1) / 2
    tiles[:] = (128 + 4 * np.hypot(x, y)).astype(np.uint8)[..., None]  # the same from every side
    reference = changed(tiles[:1], NONE, size_px=size)
    assert np.abs(changed(tiles, spec, size_px=size) - reference).max() < 0.03


def test_both_styles_of_a_pair_are_turned_alike_and_coloured_differently():
    tiles = np.repeat(some_tiles(n_styles=1), 2, axis=1)
    same = changed(tiles, AugmentationSpec(rotation="any", brightness=0, contrast=0, saturation=0, hue=0, grey=0), size_px=8)
    assert same[:, 0] == pytest.approx(same[:, 1], abs=1e-6)
    assert np.abs(np.diff(changed(tiles, AugmentationSpec(rotation="none")), axis=1)).mean() > 0.01


def test_brightness_scales_and_contrast_keeps_the_mean():
    tiles = some_tiles()
    brighter = changed(tiles, AugmentationSpec(rotation="none", brightness=0.2, contrast=0, saturation=0, hue=0, grey=0))
    ratio = brighter / (tiles.transpose(0, 1, 4, 2, 3) / 255)
    assert ratio.std(axis=(2, 3, 4)).max() < 1e-5
    assert 0.8 <= ratio.min() < 0.95 < 1.05 < ratio.max() <= 1.2
    flatter = changed(tiles, AugmentationSpec(rotation="none", brightness=0, contrast=0.3, saturation=0, hue=0, grey=0))
    assert flatter.mean(axis=(2, 3, 4)) == pytest.approx(tiles.mean(axis=(2, 3, 4)) / 255, abs=1e-5)


def test_seeds_repeat():
    tiles, spec = some_tiles(), AugmentationSpec()
    assert np.array_equal(changed(tiles, spec, size_px=8), changed(tiles, spec, size_px=8))
    assert not np.array_equal(changed(tiles, spec, size_px=8), changed(tiles, spec, size_px=8, seed=1))


@pytest.mark.parametrize("changes", [{"rotation": "45"}, {"hue": 0.6}, {"brightness": -0.1}, {"grey": 2.0}])
def test_impossible_augmentations_are_refused(changes):
    with pytest.raises(ConfigError, match=f"'{next(iter(changes))}' must be"):
        AugmentationSpec(**changes)
