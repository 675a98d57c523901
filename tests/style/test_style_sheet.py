"""Example sheets."""

import io

import numpy as np
import pytest
from PIL import Image

from cartopath.style import fit_style, restyle, style_examples, style_sheet


@pytest.fixture
def examples(tile, other):
    source, target = fit_style([tile]), fit_style([other])
    there, back = (lambda one: restyle(one, source, target)), (lambda one: restyle(one, target, source))
    return style_examples([tile, tile[::-1]], there, back), style_examples([other], back, there)


def test_a_sheet_is_a_picture_of_bounded_size(examples):
    picture = Image.open(io.BytesIO(style_sheet(*examples, names=("Aperio", "Leica"))))
    assert picture.format == "PNG"
    assert 600 < picture.width < 1200


def test_a_sheet_shows_the_tiles(examples, tile):
    shown = np.asarray(Image.open(io.BytesIO(style_sheet(*examples, names=("Aperio", "Leica")))).convert("RGB"))
    darkest = tile.reshape(-1, 3)[tile.sum(axis=-1).argmin()]
    assert np.abs(shown.astype(int) - darkest).sum(axis=-1).min() <= 12


def test_the_same_examples_give_the_same_bytes(examples):
    assert style_sheet(*examples, names=("a", "b")) == style_sheet(*examples, names=("a", "b"))


def test_one_direction_is_enough(examples):
    assert style_sheet(examples[0], [], names=("a", "b"))


def test_nothing_to_show_is_refused():
    with pytest.raises(ValueError, match="at least one example"):
        style_sheet([], [], names=("a", "b"))
