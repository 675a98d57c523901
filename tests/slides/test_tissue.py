"""Tissue is found whatever the stain, the glass and the filling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartopath.core.geometry import SizePx0
from cartopath.slides import TissueMask, open_slide, slide_tissue, tissue_mask
from cartopath.slides.tissue import otsu


def iou(a, b):
    return (a & b).sum() / (a | b).sum()


@pytest.mark.parametrize("strength", [1.0, 0.5, 0.25, 0.1])
@pytest.mark.parametrize("glass", [(244, 243, 245), (255, 255, 255), (205, 205, 205), (240, 232, 215)])
def test_tissue_of_any_stain_is_found_on_any_glass(make_tissue, tissue_truth, strength, glass):
    found = tissue_mask(make_tissue(512, strength=strength, glass=glass, seed=1))
    assert iou(found, tissue_truth(512)) >= 0.97


@pytest.mark.parametrize("value", [255, 245, 200])
def test_an_empty_slide_has_no_tissue(value):
    noise = np.random.default_rng(0).normal(0, 2, (300, 400, 3))
    assert not tissue_mask(np.clip(value + noise, 0, 255).astype(np.uint8)).any()


def test_a_light_that_falls_off_to_the_sides_is_no_tissue(make_tissue, tissue_truth):
    x = np.linspace(-1, 1, 512)
    shade = 1 - 0.06 * (x[:, None] ** 2 + x[None] ** 2) / 2
    found = tissue_mask((make_tissue(512) * shade[..., None]).astype(np.uint8))
    assert iou(found, tissue_truth(512)) >= 0.97


def test_a_slide_full_of_tissue_is_all_tissue(make_tissue):
    assert tissue_mask(make_tissue(512)[200:300, 150:300]).all()


def test_white_filling_beside_grey_glass_does_not_make_the_glass_tissue(make_tissue, tissue_truth):
    picture = make_tissue(512, glass=(228, 228, 228))
    picture[:, 400:] = 255
    assert iou(tissue_mask(picture), tissue_truth(512)) >= 0.97


def test_pale_tissue_beside_pure_white_glass_is_not_taken_for_the_glass(make_tissue, tissue_truth):
    picture = make_tissue(512, strength=0.1, glass=(255, 255, 255))
    picture[~tissue_truth(512)] = 255
    assert iou(tissue_mask(picture), tissue_truth(512)) >= 0.95


def test_black_filling_is_no_tissue(make_tissue, tissue_truth):
    picture = make_tissue(512)
    picture[:, 430:] = 0
    found = tissue_mask(picture)
    assert not found[:, 436:].any()
    assert iou(found, tissue_truth(512)) >= 0.95


def test_specks_are_left_out_and_small_holes_filled(make_tissue):
    picture = make_tissue(512)
    picture[5:7, 5:7] = (120, 60, 120)
    picture[254:258, 228:232] = (244, 243, 245)
    found = tissue_mask(picture)
    assert not found[:12, :12].any()
    assert found[250:262, 224:236].all()


def test_a_gray_slide_has_tissue_too(make_tissue, tissue_truth):
    gray = make_tissue(512).mean(axis=-1, keepdims=True).round().astype(np.uint8).repeat(3, axis=2)
    assert iou(tissue_mask(gray), tissue_truth(512)) >= 0.97


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 50, 3), (3, 2, 3)])
def test_tiny_thumbnails_do_no_harm(shape):
    assert tissue_mask(np.full(shape, 200, np.uint8)).shape == shape[:2]


def test_the_mask_is_the_same_each_time(make_tissue):
    picture = make_tissue(300)
    assert np.array_equal(tissue_mask(picture), tissue_mask(picture.copy()))


def test_otsu_separates_two_levels():
    assert 0.2 <= otsu(np.array([0.2] * 900 + [0.8] * 100)) <= 0.8
    assert otsu(np.zeros(10)) == 0.0


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 300))
def test_fractions_of_squares_equal_counting_level_0_pixels(seed, size):
    rng = np.random.default_rng(seed)
    mask = rng.random((12, 9)) > 0.5
    tissue = TissueMask(mask, SizePx0(9 * 16, 12 * 16))
    x, y = rng.integers(-20, 9 * 16, 20), rng.integers(-20, 12 * 16, 20)
    fine = np.pad(np.kron(mask, np.ones((16, 16))), 330)
    counted = [fine[330 + b : 330 + b + size, 330 + a : 330 + a + size].mean() for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(tissue.fraction(x, y, size), counted, atol=1e-9)


def test_the_share_of_tissue(make_tissue, tissue_truth):
    mask = tissue_mask(make_tissue(256))
    assert TissueMask(mask, SizePx0(256, 256)).share == pytest.approx(tissue_truth(256).mean(), abs=0.01)


def test_the_mask_of_a_slide_is_fine_enough_for_its_tiles(tissue_slide, tissue_truth):
    with open_slide(tissue_slide) as slide:
        mask = slide_tissue(slide, 128).mask
    assert mask.shape == (512, 512)
    assert iou(mask, tissue_truth(512)) >= 0.97
