"""Stain in numbers, and slides that differ from those a network has seen."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from cartopath.slides import StainStatistics, compare_stain, stain_statistics

HAEMATOXYLIN = np.array((0.650, 0.704, 0.286))
EOSIN = np.array((0.072, 0.990, 0.105))


def stained(haematoxylin, eosin, shape=(2, 16, 16)):
    """Tiles with these optical densities of pure stains."""
    vectors = [vector / np.linalg.norm(vector) for vector in (HAEMATOXYLIN, EOSIN)]
    density = haematoxylin * vectors[0] + eosin * vectors[1]
    value = np.round(256 * 10.0**-density - 1).astype(np.uint8)
    return np.broadcast_to(value, (*shape, 3)).copy()


@pytest.mark.parametrize(("haematoxylin", "eosin"), [(0.5, 0.0), (0.0, 0.5), (0.4, 0.3), (0.1, 0.6)])
def test_known_amounts_of_stain_are_recovered(haematoxylin, eosin):
    found = stain_statistics(stained(haematoxylin, eosin))
    assert found.haematoxylin == pytest.approx(haematoxylin, abs=0.01)
    assert found.eosin == pytest.approx(eosin, abs=0.01)


def test_colour_and_saturation_are_means_over_tissue_pixels():
    tiles = np.full((1, 2, 2, 3), 255, np.uint8)
    tiles[0, 0, 0] = (200, 100, 150)
    tiles[0, 1, 1] = (100, 50, 50)
    found = stain_statistics(tiles)
    assert (found.n_pixels, found.red, found.green, found.blue) == (2, 150.0, 75.0, 100.0)
    assert found.saturation == pytest.approx(0.5)


def test_background_does_not_count():
    tiles = stained(0.4, 0.3)
    half = tiles.copy()
    half[:, :8] = 250
    whole, rest = stain_statistics(tiles).to_dict(), stain_statistics(half).to_dict()
    assert rest.pop("n_pixels") * 2 == whole.pop("n_pixels")
    assert rest == pytest.approx(whole)


def test_gray_tissue_has_no_saturation():
    assert stain_statistics(np.full((1, 4, 4, 3), 90, np.uint8)).saturation == 0


def test_the_order_of_tiles_does_not_matter():
    tiles = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), np.uint8)
    a, b = stain_statistics(tiles).to_dict(), stain_statistics(tiles[::-1]).to_dict()
    assert a == pytest.approx(b, rel=1e-12)


def test_slides_without_tissue_have_no_statistics_and_still_become_json():
    found = stain_statistics(np.full((3, 4, 4, 3), 255, np.uint8))
    assert found.n_pixels == 0
    assert math.isnan(found.eosin)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["eosin"] is None


def test_statistics_survive_json():
    found = stain_statistics(stained(0.4, 0.3))
    assert StainStatistics.from_dict(json.loads(json.dumps(found.to_dict()))) == found
    empty = StainStatistics.from_dict(stain_statistics(np.full((1, 4, 4, 3), 255, np.uint8)).to_dict())
    assert math.isnan(empty.red)


def test_a_stain_within_the_training_range_gives_no_warning():
    reference = [stain_statistics(stained(h, 0.3)) for h in (0.3, 0.5)]
    assert compare_stain(stain_statistics(stained(0.4, 0.3)), reference) == []


def test_a_stain_outside_the_training_range_is_named_with_its_numbers():
    reference = [stain_statistics(stained(h, 0.3)) for h in (0.3, 0.35)]
    warnings = compare_stain(stain_statistics(stained(0.9, 0.3)), reference)
    (haematoxylin,) = [warning for warning in warnings if warning.startswith("haematoxylin")]
    assert "haematoxylin 0.9" in haematoxylin
    assert "is above the training slides' 0.302 to 0.351 (margin 0.1)" in haematoxylin


def test_the_margin_grows_with_the_variety_of_the_training_slides():
    base = stain_statistics(stained(0.4, 0.3))
    one = [base]
    many = [base, replace(base, eosin=base.eosin - 0.2)]
    odd = replace(base, eosin=base.eosin + 0.15)
    assert compare_stain(odd, one)
    assert not compare_stain(odd, many)


def test_without_training_slides_there_is_nothing_to_say():
    empty = stain_statistics(np.full((1, 4, 4, 3), 255, np.uint8))
    assert compare_stain(stain_statistics(stained(0.4, 0.3)), []) == []
    assert compare_stain(stain_statistics(stained(0.4, 0.3)), [empty]) == []


def test_a_slide_without_tissue_is_said_to_have_none():
    empty = stain_statistics(np.full((1, 4, 4, 3), 255, np.uint8))
    assert "no stained tissue" in compare_stain(empty, [stain_statistics(stained(0.4, 0.3))])[0]
