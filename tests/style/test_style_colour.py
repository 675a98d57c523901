"""Colour spaces against published values and against their formulae, written out once more in double precision."""

import numpy as np
import pytest

from cartopath.core.rng import stream
from cartopath.style.colour import lab_to_rgb, opponent_to_rgb, rgb_to_lab, rgb_to_opponent


@pytest.fixture
def colours():
    return stream(0, "colours").integers(0, 256, (64, 64, 3), dtype=np.uint8)


# Lindbloom's calculator, D65, sRGB.
@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((255, 255, 255), (100.0, 0.0, 0.0)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
        ((255, 0, 0), (53.2408, 80.0925, 67.2032)),
        ((0, 255, 0), (87.7347, -86.1827, 83.1793)),
        ((0, 0, 255), (32.2970, 79.1875, -107.8602)),
    ],
)
def test_lab_of_primary_colours_is_as_published(rgb, lab):
    assert rgb_to_lab(np.array(rgb, np.uint8)) == pytest.approx(lab, abs=0.02)


def test_lab_follows_its_formula(colours):
    value = colours / 255.0
    light = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    r, g, b = np.moveaxis(light, -1, 0)
    x = (0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047
    y = 0.2126729 * r + 0.7151522 * g + 0.0721750 * b
    z = (0.0193339 * r + 0.1191920 * g + 0.9503041 * b) / 1.08883
    fx, fy, fz = (np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29) for t in (x, y, z))
    expected = np.stack([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)], axis=-1)
    assert np.abs(rgb_to_lab(colours) - expected).max() < 0.01


def test_opponent_colours_follow_the_equations_of_the_paper(colours):
    r, g, b = np.moveaxis((colours + 1.0) / 256, -1, 0)
    long = np.log10(0.3811 * r + 0.5783 * g + 0.0402 * b)
    middle = np.log10(0.1967 * r + 0.7244 * g + 0.0782 * b)
    short = np.log10(0.0241 * r + 0.1288 * g + 0.8444 * b)
    expected = np.stack(
        [(long + middle + short) / np.sqrt(3), (long + middle - 2 * short) / np.sqrt(6), (long - middle) / np.sqrt(2)], axis=-1
    )
    assert np.abs(rgb_to_opponent(colours) - expected).max() < 1e-5


@pytest.mark.parametrize(("there", "back"), [(rgb_to_lab, lab_to_rgb), (rgb_to_opponent, opponent_to_rgb)])
def test_there_and_back_gives_the_same_bytes(colours, there, back):
    assert (back(there(colours)) == colours).all()
