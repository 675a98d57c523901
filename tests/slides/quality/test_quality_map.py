"""The quality map of a thumbnail against artefacts planted on simulated ones."""

import numpy as np
import pytest

from cartopath.simulate.artefacts import PEN_DENSITIES, plant
from cartopath.slides import tissue_mask
from cartopath.slides.quality import QUALITY_CLASSES, TILE_FLAGS, classify_thumbnail

MPP = 8.0


def found(picture, name, mpp=MPP):
    return classify_thumbnail(picture, mpp, tissue_mask(picture)) == QUALITY_CLASSES[name].number


def overlap(one, other):
    return (one & other).sum() / (one | other).sum()


def test_clean_slides_are_glass_and_tissue_and_nothing_else(thumbnails):
    for picture in thumbnails:
        tissue = tissue_mask(picture)
        assert np.array_equal(classify_thumbnail(picture, MPP, tissue), tissue.astype(np.uint8))


@pytest.mark.parametrize("colour", PEN_DENSITIES)
def test_pen_of_every_colour_is_found_where_it_is(thumbnails, colour):
    for seed, picture in enumerate(thumbnails):
        planted = plant(picture, f"{colour} pen", mpp=MPP, seed=seed)
        assert overlap(found(planted.picture, "pen"), planted.mask) >= 0.8


@pytest.mark.parametrize("colour", PEN_DENSITIES)
def test_pen_is_found_at_another_resolution(thumbnails, colour):
    planted = plant(thumbnails[0], f"{colour} pen", mpp=MPP, seed=0)
    coarse = planted.picture.reshape(240, 2, 250, 2, 3).mean(axis=(1, 3)).round().astype(np.uint8)
    assert overlap(found(coarse, "pen", 2 * MPP), planted.mask[::2, ::2]) >= 0.7


@pytest.mark.parametrize(
    ("artefact", "name", "least_found"),
    [
        ("fold", "fold", 0.8),
        ("dust", "dark", 0.9),
        ("bubble", "dark", 0.9),
        ("coverslip", "coverslip", 0.7),
        ("black padding", "padding", 0.9),
        ("grey padding", "padding", 0.9),
    ],
)
def test_an_artefact_is_found_and_nothing_beside_it(thumbnails, artefact, name, least_found):
    for seed, picture in enumerate(thumbnails):
        planted = plant(picture, artefact, mpp=MPP, seed=seed)
        marked = found(planted.picture, name)
        assert (marked & planted.mask).sum() / planted.mask.sum() >= least_found
        assert (marked & ~planted.mask).sum() / (~planted.mask).sum() <= 0.005


@pytest.mark.parametrize("artefact", ["fold", "dust", "coverslip", "black padding", "white padding"])
def test_other_artefacts_are_not_taken_for_pen(thumbnails, artefact):
    for seed, picture in enumerate(thumbnails):
        assert not found(plant(picture, artefact, mpp=MPP, seed=seed).picture, "pen").any()


def test_a_fill_of_the_colour_of_glass_is_glass(thumbnails):
    picture = thumbnails[0].copy()
    picture[:, 450:] = 245
    assert not found(picture, "padding").any()


def test_dense_haematoxylin_eosin_and_blood_are_no_pen():
    colours = ((90, 60, 140), (70, 40, 120), (235, 110, 170), (225, 80, 140), (170, 40, 70), (110, 100, 175))
    picture = np.full((300, 420, 3), 244, np.uint8)
    for number, colour in enumerate(colours):
        picture[60:240, 20 + 65 * number : 75 + 65 * number] = colour
    assert not found(picture, "pen").any()


def test_a_large_thumbnail_is_judged_at_its_own_size(thumbnails):
    planted = plant(thumbnails[0], "green pen", mpp=MPP, seed=0)
    large = planted.picture.repeat(5, axis=0).repeat(5, axis=1)[:2399, :2498]
    marked = found(large, "pen", MPP / 5)
    assert marked.shape == (2399, 2498)
    assert overlap(marked, planted.mask.repeat(5, axis=0).repeat(5, axis=1)[:2399, :2498]) >= 0.8


def test_pictures_without_tissue_or_of_a_few_pixels_have_a_map():
    for shape in ((1, 1, 3), (2, 40, 3), (64, 64, 3)):
        for value in (0, 255):
            picture = np.full(shape, value, np.uint8)
            assert classify_thumbnail(picture, 8.0, np.zeros(shape[:2], bool)).shape == shape[:2]


def test_classes_have_numbers_in_order_and_colours_of_their_own():
    classes = list(QUALITY_CLASSES.values())
    assert [one.number for one in classes] == list(range(len(classes)))
    assert len({one.colour for one in classes}) == len(classes)
    assert set(TILE_FLAGS) < set(QUALITY_CLASSES)
