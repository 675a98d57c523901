"""Focus, stain and clipping of single tiles."""

import math

import numpy as np
import pytest
from PIL import Image

from cartopath.simulate.artefacts import plant
from cartopath.slides.quality import tile_measures

MPP = 0.5


def auroc(low, high):
    return np.mean([(a < high).mean() + 0.5 * (a == high).mean() for a in low])


def measured(tiles, name, mpp=MPP):
    return np.array([getattr(tile_measures(tile, mpp), name) for tile in tiles])


def changed(tiles, kind):
    return [plant(tile, kind, mpp=MPP, seed=number).picture for number, tile in enumerate(tiles)]


def test_tiles_out_of_focus_are_told_from_sharp_ones(tiles):
    blurred = changed(tiles, "defocus")
    assert auroc(measured(blurred, "sharpness"), measured(tiles, "sharpness")) >= 0.95
    assert (measured(blurred, "blur") >= 0.5).all()
    assert (measured(tiles, "blur") < 0.5).all()


def test_a_region_out_of_focus_is_a_share_of_the_tile(tiles):
    picture = tiles[0].copy()
    picture[:, 128:] = plant(tiles[0], "defocus", mpp=MPP).picture[:, 128:]
    assert tile_measures(picture, MPP).blur == pytest.approx(0.5, abs=0.26)


def test_sharpness_does_not_depend_on_the_strength_of_the_stain(tiles):
    for tile in tiles[:4]:
        pale = (246 * (tile / 246.0) ** 0.6 + 0.5).clip(0, 255).astype(np.uint8)
        assert tile_measures(pale, MPP).sharpness == pytest.approx(tile_measures(tile, MPP).sharpness, abs=0.15)


def test_sharpness_hardly_depends_on_the_resolution(tiles):
    for tile in tiles[:4]:
        coarse = np.asarray(Image.fromarray(tile).reduce(2))
        assert tile_measures(coarse, 2 * MPP).sharpness == pytest.approx(tile_measures(tile, MPP).sharpness, abs=0.15)


def test_the_stain_of_simulated_tiles_is_in_range_and_planted_stains_are_not(tiles):
    assert (measured(tiles, "stain") < 0.5).all()
    assert (measured(changed(tiles, "wrong hue"), "stain") >= 0.5).all()


def test_a_pale_stain_is_out_of_range(tiles):
    pale = np.clip(243 - 0.12 * (243.0 - tiles), 0, 255).astype(np.uint8)
    stains = measured(pale, "stain")
    assert (stains[~np.isnan(stains)] >= 0.5).all()


def test_clipped_tiles_are_told_from_others(tiles):
    bright = np.clip(tiles * 1.9, 0, 255).astype(np.uint8)
    saturated = measured(bright, "saturated")
    assert (saturated[~np.isnan(saturated)] >= 0.25).all()
    assert (measured(tiles, "saturated") < 0.05).all()


def test_a_tile_without_tissue_has_no_measures():
    measures = tile_measures(np.full((64, 64, 3), 244, np.uint8), MPP)
    assert measures.tissue == 0
    assert math.isnan(measures.sharpness)
    assert math.isnan(measures.haematoxylin)


def test_an_even_tile_has_no_focus():
    measures = tile_measures(np.full((256, 256, 3), (200, 120, 180), np.uint8), MPP)
    assert math.isnan(measures.sharpness)
    assert measures.eosin > 0
