from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartopath.core.errors import StatisticsError
from cartopath.stats import majority_vote, percent_positive, rank_rounds


@pytest.mark.parametrize("votes", list(product([0, 1], repeat=5)))
def test_five_rounds_need_three_votes(votes):
    assert majority_vote([votes]).tolist() == [sum(votes) >= 3]


@pytest.mark.parametrize("votes", list(product([False, True], repeat=3)))
def test_three_rounds_need_two_votes(votes):
    assert majority_vote([votes]).tolist() == [sum(votes) >= 2]


@pytest.mark.parametrize("votes", list(product([0.0, 1.0], repeat=4)))
def test_four_rounds_need_three_votes_since_a_tie_is_negative(votes):
    assert majority_vote([votes]).tolist() == [sum(votes) >= 3]


def test_no_tiles_are_no_votes():
    assert majority_vote(np.empty((0, 3))).shape == (0,)


@pytest.mark.parametrize("votes", [[[0, 0.7, 1]], [[0, np.nan, 1]], [[0, 2, 1]]])
def test_scores_and_missing_votes_are_refused(votes):
    with pytest.raises(StatisticsError, match="join rounds by tile"):
        majority_vote(votes)


@pytest.mark.parametrize("votes", [[0, 1, 1], np.empty((4, 0))])
def test_votes_need_tiles_and_rounds(votes):
    with pytest.raises(StatisticsError, match=r"\(n_tiles, n_rounds\)"):
        majority_vote(votes)


def test_a_tile_at_the_threshold_is_not_positive():
    assert percent_positive([0.6, 0.4, 0.9, 0.5]) == 0.5


def test_another_threshold_counts_strictly_above_it():
    assert percent_positive([0.6, 0.4, 0.9, 0.5], threshold=0.4) == 0.75


@given(st.lists(st.floats(0, 1), min_size=1), st.floats(0, 1))
def test_the_slide_score_is_the_share_above_the_threshold(scores, threshold):
    assert percent_positive(scores, threshold) == sum(score > threshold for score in scores) / len(scores)


def test_a_slide_without_tiles_has_no_score():
    with pytest.raises(StatisticsError, match="no tiles"):
        percent_positive([])


def test_a_missing_score_is_refused():
    with pytest.raises(StatisticsError, match="position 1"):
        percent_positive([0.2, np.nan])


def test_the_best_three_rounds_come_best_first():
    assert rank_rounds([0.7, 0.9, 0.6, 0.8, 0.5]) == (1, 3, 0)


def test_equal_rounds_keep_their_order():
    assert rank_rounds([0.8, 0.8, 0.8, 0.8], keep=2) == (0, 1)


def test_rounds_can_be_named():
    assert rank_rounds({4: 0.9, 2: 0.7, 3: None}, keep=3) == (4, 2)


def test_an_undefined_round_is_never_kept():
    assert rank_rounds([None, 0.4, float("nan")]) == (1,)


def test_rounds_without_any_validation_result_cannot_be_ranked():
    with pytest.raises(StatisticsError, match="none of 2 rounds"):
        rank_rounds([None, None])


def test_keeping_no_round_is_refused():
    with pytest.raises(StatisticsError, match="'keep'"):
        rank_rounds([0.5], keep=0)
