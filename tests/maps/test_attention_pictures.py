"""Attention maps and galleries of hotspots."""

import io

import numpy as np
import pytest
from PIL import Image

from cartopath.core.errors import ArtifactError
from cartopath.maps.attention_map import render_attention_map
from cartopath.maps.hotspot_gallery import GalleryBin, GalleryTile, render_hotspot_gallery


def size_of(png: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(png)) as picture:
        return picture.size


@pytest.fixture
def grids():
    values = np.linspace(-4, 4, 12).reshape(3, 4)
    values[0, 0] = np.nan
    weights = np.where(np.isnan(values), np.nan, 1 / 11)
    return values, weights, values == 4


def test_a_map_is_the_same_when_it_is_drawn_again(grids):
    assert render_attention_map(*grids, trait="A", tile_um=64) == render_attention_map(*grids, trait="A", tile_um=64)


def test_a_map_changes_with_values_weights_and_hotspots(grids):
    values, weights, spots = grids
    uneven = weights.copy()
    uneven[2, 3], uneven[2, 2] = weights[2, 3] * 1.9, weights[2, 2] * 0.1
    drawn = {
        render_attention_map(*changed, trait="A", tile_um=64)
        for changed in (grids, (-values, weights, spots), (values, uneven, spots), (values, weights, values < 0))
    }
    assert len(drawn) == 4


def test_values_beyond_three_deviations_have_the_last_colour(grids):
    values, weights, spots = grids
    larger = np.where(values > 3, 9.0, values)
    maps = [render_attention_map(some, weights, spots, trait="A", tile_um=64) for some in (values, larger)]
    assert maps[0] == maps[1]


def weight_colours(spread: float) -> int:
    """How many colours the panel of weights has, where the largest is 1 + spread times even and the smallest 1 - spread."""
    weights = np.linspace(1 - spread, 1 + spread, 100).reshape(10, 10) / 100
    drawn = render_attention_map(np.zeros((10, 10)), weights, np.zeros((10, 10), bool), trait="A", tile_um=64)
    with Image.open(io.BytesIO(drawn)) as picture:
        width, height = picture.size
        panel = picture.convert("RGB").crop((width // 2, height // 5, width - 150, 4 * height // 5))
        return len([n for n, _ in panel.getcolors(1 << 24) if n > 100])


def test_weights_that_are_nearly_even_are_told_apart():
    assert weight_colours(0.01) > 50
    assert weight_colours(0.9) > 50
    assert weight_colours(0.0) < 10


def test_weights_that_do_not_sum_to_one_are_refused(grids):
    values, weights, spots = grids
    with pytest.raises(ArtifactError, match="sum to 1, found 2"):
        render_attention_map(values, weights * 2, spots, trait="A", tile_um=64)


def test_grids_of_different_shape_are_refused(grids):
    values, weights, spots = grids
    with pytest.raises(ArtifactError, match="shapes differ"):
        render_attention_map(values, weights[:2], spots, trait="A", tile_um=64)


def gallery(n_bins: int, filled: list[int]) -> bytes:
    tile = GalleryTile(np.full((8, 8, 3), 120, np.uint8), "slide", 2.0, -1.25)
    bins = [GalleryBin(number, number, number + 1, 3, (tile, tile)) for number in filled]
    return render_hotspot_gallery(bins, n_bins=n_bins, trait="A", unit="TPM", tile_um=64)


def test_a_gallery_has_a_row_per_bin():
    heights = [size_of(gallery(7, filled))[1] for filled in ([0], [0, 3], [0, 3, 6])]
    assert heights[0] < heights[1] < heights[2]


def test_bins_without_patients_take_little_room_but_are_there():
    heights = {n_bins: size_of(gallery(n_bins, [0]))[1] for n_bins in (2, 7)}
    of_a_row = size_of(gallery(7, [0, 3]))[1] - heights[7]
    assert 0 < heights[7] - heights[2] < 5 * of_a_row / 2
