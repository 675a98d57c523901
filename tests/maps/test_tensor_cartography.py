import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartopath.core.errors import ArtifactError
from cartopath.maps import cartography


def test_a_tile_lies_at_its_row_and_column():
    tensor = cartography(pd.DataFrame({"col": [2], "row": [1]}), [[0.7]], n_rows=3, n_cols=4)
    assert tensor[1, 2, 0] == np.float32(0.7)
    assert np.isnan(tensor).sum() == 11


def test_a_negative_tile_differs_from_no_tile():
    tensor = cartography(pd.DataFrame({"col": [0], "row": [0]}), [[0.0]], n_rows=1, n_cols=2)
    assert tensor[0, 0, 0] == 0.0
    assert np.isnan(tensor[0, 1, 0])


def test_layers_keep_the_order_of_traits():
    tensor = cartography(pd.DataFrame({"col": [0], "row": [0]}), [[0.1, 0.2, 0.3]], n_rows=1, n_cols=1)
    np.testing.assert_array_equal(tensor[0, 0], np.float32([0.1, 0.2, 0.3]))
    assert tensor.dtype == np.float32


@given(st.sets(st.tuples(st.integers(0, 6), st.integers(0, 8)), min_size=1), st.randoms(use_true_random=False))
def test_the_order_of_tiles_does_not_matter_and_every_value_survives(places, random):
    rows = list(places)
    random.shuffle(rows)
    tiles = pd.DataFrame(rows, columns=["row", "col"])
    values = np.array([[10 * row + col] for row, col in rows], dtype=float)
    tensor = cartography(tiles, values, n_rows=7, n_cols=9)
    assert {(row, col) for row, col in np.argwhere(~np.isnan(tensor[..., 0]))} == places
    assert all(tensor[row, col, 0] == 10 * row + col for row, col in rows)


def test_no_tiles_give_an_empty_map():
    assert np.isnan(cartography(pd.DataFrame({"col": [], "row": []}, dtype=int), np.empty((0, 2)), n_rows=2, n_cols=2)).all()


@pytest.mark.parametrize(("col", "row"), [(4, 0), (0, 3), (-1, 0), (0, -1)])
def test_a_tile_outside_the_grid_is_refused(col, row):
    with pytest.raises(ArtifactError, match=f"col {col}, row {row} lies outside the grid of 4 x 3"):
        cartography(pd.DataFrame({"col": [col], "row": [row]}), [[1.0]], n_rows=3, n_cols=4)


def test_two_tiles_at_one_place_are_refused():
    with pytest.raises(ArtifactError, match="two tiles at col 3, row 1"):
        cartography(pd.DataFrame({"col": [0, 3, 3], "row": [0, 1, 1]}), [[1.0]] * 3, n_rows=3, n_cols=4)


@pytest.mark.parametrize("values", [[[1.0]], [1.0, 2.0]])
def test_values_must_be_one_row_per_tile(values):
    with pytest.raises(ArtifactError, match=r"\(2, n_traits\)"):
        cartography(pd.DataFrame({"col": [0, 1], "row": [0, 0]}), values, n_rows=1, n_cols=2)
