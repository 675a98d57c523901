"""Measures of a transfer, where their values are known."""

import numpy as np
import pytest

from cartopath.core.errors import StatisticsError
from cartopath.style import colour_distance, colour_statistics, gradient_correlation, transfer_quality
from cartopath.style.colour import lab_to_rgb


def flat(lab):
    return np.broadcast_to(lab_to_rgb(np.array(lab, np.float32)), (40, 40, 3)).copy()


def test_a_picture_has_all_its_own_edges(tile):
    assert gradient_correlation(tile, tile) == pytest.approx(1.0)


def test_less_contrast_is_no_loss_of_edges(tile):
    assert gradient_correlation(tile, tile // 2) > 0.99


def test_other_tissue_has_other_edges(tile):
    assert abs(gradient_correlation(tile, np.roll(tile[::-1], 5, axis=1))) < 0.3


def test_blurring_loses_edges(tile):
    blurred = np.stack([np.roll(tile, (dy, dx), (0, 1)).astype(float) for dy in range(6) for dx in range(6)]).mean(axis=0)
    assert gradient_correlation(tile, blurred.astype(np.uint8)) < 0.8


def test_gradient_correlation_follows_its_definition(tile, other):
    def edges(picture):
        grey = picture @ np.array([0.299, 0.587, 0.114])
        near = np.pad(grey, 1)
        rows, cols = grey.shape
        at = lambda i, j: near[1 + i : 1 + i + rows, 1 + j : 1 + j + cols]  # noqa: E731
        down = sum(w * (at(1, j) - at(-1, j)) for j, w in ((-1, 1), (0, 2), (1, 1)))
        across = sum(w * (at(i, 1) - at(i, -1)) for i, w in ((-1, 1), (0, 2), (1, 1)))
        return np.sqrt(down**2 + across**2)[1:-1, 1:-1].ravel()

    mixed = ((tile.astype(int) + other) // 2).astype(np.uint8)
    assert gradient_correlation(tile, mixed) == pytest.approx(np.corrcoef(edges(tile), edges(mixed))[0, 1], abs=1e-5)


def test_edges_of_a_flat_picture_are_undefined(tile):
    with pytest.raises(StatisticsError, match="no edges"):
        gradient_correlation(tile, np.full_like(tile, 128))


def test_pictures_of_different_sizes_are_refused(tile):
    with pytest.raises(ValueError, match="one shape"):
        gradient_correlation(tile, tile[:-1])


def test_distance_of_flat_colours_is_the_length_between_them():
    distance = colour_distance([flat((60, 20, -10))], [flat((56, 20, -7))])
    assert distance.mean == pytest.approx(5.0, abs=0.4)
    assert distance.distribution == pytest.approx((4 + 0 + 3) / 3, abs=0.4)
    assert distance.sd == pytest.approx(0.0, abs=1e-6)


def test_statistics_of_two_colours_are_known():
    half = np.concatenate([flat((60, 20, -10)), flat((40, 20, -10))])
    found = colour_statistics([half])
    assert found.mean == pytest.approx((50, 20, -10), abs=0.5)
    assert found.sd == pytest.approx((10, 0, 0), abs=0.5)


def test_a_set_has_no_distance_from_itself(tile):
    distance = colour_distance([tile], [tile])
    assert (distance.mean, distance.sd, distance.distribution) == (0, 0, 0)


def test_quality_of_a_perfect_transfer(tile, other):
    quality = transfer_quality([tile], [tile], [tile])
    assert (quality.gradient_correlation, quality.after.mean, quality.n_tiles) == (pytest.approx(1.0), 0.0, 1)
    assert transfer_quality([tile], [tile], [other]).before.mean == colour_distance([tile], [other]).mean


def test_quality_needs_as_many_tiles_after_as_before(tile):
    with pytest.raises(ValueError, match="zip"):
        transfer_quality([tile, tile], [tile], [tile])
