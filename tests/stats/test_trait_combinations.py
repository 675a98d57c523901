import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cartopath.core.errors import StatisticsError
from cartopath.stats import combination_codes, combination_names, combinations


def test_the_position_of_a_combination_is_the_sum_of_its_bits():
    for code, traits in enumerate(combinations(4)):
        assert code == sum(2**trait for trait in traits)


@pytest.mark.parametrize("n_traits", [0, 17, -1])
def test_an_impossible_number_of_traits_is_refused(n_traits):
    with pytest.raises(StatisticsError, match="1 to 16 traits"):
        combinations(n_traits)


def test_names_join_the_traits_of_a_combination():
    assert combination_names(["A", "B", "C"])[0b101] == "A + C"


def test_two_traits_of_one_name_are_refused():
    with pytest.raises(StatisticsError, match="same name"):
        combination_names(["A", "A"])


@given(hnp.arrays(bool, st.tuples(st.integers(0, 20), st.integers(1, 6))))
def test_codes_name_exactly_the_positive_traits(traits):
    of = combinations(traits.shape[1])
    for row, code in zip(traits, combination_codes(traits), strict=True):
        assert of[code] == tuple(np.flatnonzero(row))


def test_codes_keep_the_shape_of_a_map():
    assert combination_codes(np.zeros((3, 4, 2), dtype=bool)).shape == (3, 4)


def test_a_place_without_tissue_has_no_code():
    assert combination_codes([[np.nan, np.nan], [1, 0]]).tolist() == [-1, 1]


def test_a_tile_with_a_missing_trait_is_refused():
    with pytest.raises(StatisticsError, match="same tiles"):
        combination_codes([[np.nan, 1.0]])


def test_probabilities_are_refused_with_the_way_out():
    with pytest.raises(StatisticsError, match=r"score > 0\.5"):
        combination_codes([[0.7, 0.2]])


def test_words_are_refused():
    with pytest.raises(StatisticsError, match="booleans or 0 and 1"):
        combination_codes([["hi", "lo"]])


def test_an_array_without_a_trait_axis_is_refused():
    with pytest.raises(StatisticsError, match="n_traits"):
        combination_codes(1)
