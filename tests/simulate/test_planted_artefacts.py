import numpy as np
import pytest

from cartopath.core.errors import ConfigError
from cartopath.core.geometry import SizePx0
from cartopath.simulate import plan_specimen
from cartopath.simulate.artefacts import ARTEFACTS, plant, simulate_flawed_slide
from cartopath.slides import open_slide


@pytest.fixture(scope="module")
def picture():
    """Pink discs on light glass, 3.2 x 2.4 mm at 8 um per pixel."""
    rows, cols = np.ogrid[:300, :400]
    is_tissue = (np.hypot(rows % 60 - 30, cols % 60 - 30) < 26)[..., None]
    return np.where(is_tissue, np.array([205, 130, 185]), np.array([243, 244, 245])).astype(np.uint8)


@pytest.mark.parametrize("kind", ARTEFACTS)
def test_an_artefact_changes_pixels_where_it_says_and_the_same_seed_gives_the_same(picture, kind):
    planted = plant(picture, kind, mpp=8.0, seed=4)
    again = plant(picture, kind, mpp=8.0, seed=4)
    is_changed = (planted.picture != picture).any(axis=-1)
    assert planted.picture.dtype == np.uint8
    assert planted.mask.any()
    assert is_changed[planted.mask].mean() > 0.1
    assert np.array_equal(planted.picture, again.picture)
    assert np.array_equal(planted.mask, again.mask)


@pytest.mark.parametrize("kind", ["red pen", "fold", "dust", "coverslip", "black padding"])
def test_another_seed_puts_it_elsewhere(picture, kind):
    assert not np.array_equal(plant(picture, kind, mpp=8.0, seed=1).picture, plant(picture, kind, mpp=8.0, seed=2).picture)


@pytest.mark.parametrize("kind", ["fold", "dust", "coverslip", "saturation", "grey padding", "blur"])
def test_nothing_changes_elsewhere(picture, kind):
    planted = plant(picture, kind, mpp=8.0, seed=4)
    assert np.array_equal(planted.picture[~planted.mask], picture[~planted.mask])


def test_the_picture_that_is_given_stays_as_it_is(picture):
    before = picture.copy()
    plant(picture, "green pen", mpp=8.0)
    assert np.array_equal(picture, before)


def test_an_artefact_that_is_not_there_is_an_error_that_names_those_that_are(picture):
    with pytest.raises(ConfigError, match=r"must be one of red pen, .*Got 'coffee' instead"):
        plant(picture, "coffee", mpp=8.0)


def test_a_flawed_slide_is_a_slide_with_the_artefact_where_it_says(tmp_path):
    specimen = plan_specimen(1, "flawed", size_px0=SizePx0(400, 300), mpp=2.0, fractions=(0.4,))
    masks = simulate_flawed_slide(specimen, tmp_path / "flawed.tif", "black padding", seed=2)
    with open_slide(tmp_path / "flawed.tif") as slide:
        pixels = slide.read_region(0, 0, 0, 400, 300)
    assert pixels[masks["black padding"]].mean() < 10
    assert pixels[~masks["black padding"]].mean() > 80
