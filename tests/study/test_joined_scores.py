"""Traits are joined by tile, never by row."""

import numpy as np
import pandas as pd
import pytest

from cartopath.core.errors import ArtifactError
from cartopath.study.stages.scores import as_votes, joined_scores, round_columns


@pytest.fixture
def scores():
    rng = np.random.default_rng(0)
    tiles = pd.DataFrame([(col, row) for row in range(4) for col in range(5)], columns=["col", "row"])
    return {name: tiles.assign(vote=rng.random(20) < 0.5, score=rng.random(20)) for name in ("a", "b", "c")}


def test_every_tile_has_the_vote_of_every_trait(scores):
    joined = joined_scores(scores, "vote")
    for name, table in scores.items():
        assert joined[name].tolist() == table["vote"].tolist()


def test_the_order_of_rows_in_a_file_does_not_matter(scores):
    shuffled = {name: table.sample(frac=1, random_state=i) for i, (name, table) in enumerate(scores.items())}
    pd.testing.assert_frame_equal(joined_scores(shuffled, "vote"), joined_scores(scores, "vote"))


def test_tiles_come_in_order_of_row_and_column(scores):
    joined = joined_scores({name: table.sample(frac=1, random_state=3) for name, table in scores.items()}, "score")
    assert list(zip(joined["row"], joined["col"], strict=True)) == [(row, col) for row in range(4) for col in range(5)]


def test_a_tile_that_one_trait_lacks_is_an_error(scores):
    scores["b"] = scores["b"].drop(index=7)
    with pytest.raises(ArtifactError, match="the tiles of a, b, c are not the same"):
        joined_scores(scores, "vote")


def test_a_tile_that_one_trait_has_twice_is_an_error(scores):
    scores["b"] = pd.concat([scores["b"], scores["b"].iloc[[7]]])
    with pytest.raises(ValueError, match="not a one-to-one merge"):
        joined_scores(scores, "vote")


def test_no_trait_at_all_is_an_error():
    with pytest.raises(ArtifactError, match="no trait"):
        joined_scores({}, "vote")


def test_votes_are_one_row_per_tile_and_one_column_per_trait(scores):
    votes = as_votes(joined_scores(scores, "vote"), ["c", "a"])
    assert (votes.shape, votes.dtype) == ((20, 2), bool)
    np.testing.assert_array_equal(votes[:, 0], scores["c"]["vote"])


def test_rounds_are_in_order_of_their_numbers():
    assert round_columns(pd.DataFrame(columns=["round_10", "col", "round_2", "vote"])) == ["round_2", "round_10"]
