"""Named streams: stable for ever, independent of each other."""

import numpy as np
import pytest

from cartopath.core.rng import seed_for, stream


def test_a_stream_gives_the_same_numbers_for_ever():
    # Pinned: a change here silently redraws the splits of every study.
    np.testing.assert_array_equal(stream(0, "splits", "test").permutation(8), [1, 4, 7, 3, 5, 6, 2, 0])
    assert float(stream(7, "bootstrap", "MKI67").random()) == pytest.approx(0.7052557886945863, rel=1e-15)


def test_a_seed_for_a_library_is_the_same_for_ever():
    assert seed_for(0, "training", "MKI67", 3) == 229628614


def test_streams_of_different_names_are_uncorrelated():
    draws = np.stack([stream(0, "round", i).standard_normal(4000) for i in range(6)])
    correlations = np.corrcoef(draws)[np.triu_indices(6, 1)]
    assert np.abs(correlations).max() < 0.08  # five standard errors


def test_streams_of_different_seeds_are_uncorrelated():
    draws = np.stack([stream(seed, "splits").standard_normal(4000) for seed in range(6)])
    assert np.abs(np.corrcoef(draws)[np.triu_indices(6, 1)]).max() < 0.08


def test_drawing_more_from_one_stream_leaves_another_as_it_was():
    expected = stream(0, "labels").random(3)
    stream(0, "splits").random(1000)
    np.testing.assert_array_equal(stream(0, "labels").random(3), expected)


@pytest.mark.parametrize(("one", "other"), [(("a", "bc"), ("ab", "c")), (("a",), ("a", "")), (("a", "b"), ("b", "a"))])
def test_where_names_begin_and_end_matters(one, other):
    assert stream(0, *one).random() != stream(0, *other).random()


def test_a_number_as_name_is_that_number_as_text():
    assert stream(0, "round", 3).random() == stream(0, "round", "3").random()


def test_the_global_generator_is_left_alone():
    before = np.random.get_state()[1].copy()
    stream(0, "splits").random(100)
    seed_for(0, "splits")
    np.testing.assert_array_equal(np.random.get_state()[1], before)
