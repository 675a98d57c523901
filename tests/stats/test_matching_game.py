"""The matching game against closed forms: perfect features, random ones, ties, chance (F47, F48)."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from cartopath.core.errors import StatisticsError
from cartopath.core.rng import stream
from cartopath.stats.matching import Side, matching_gain, matching_game, mean_features, standardised, unit_length


def _game(left, right=None, *, pieces=None, patients=None, **options):
    n = len(left)
    pieces = [f"c{i:03d}" for i in range(n)] if pieces is None else pieces
    patients = pieces if patients is None else patients
    right = left if right is None else right
    return matching_game(Side(left, pieces, patients), Side(right, pieces, patients), rng=stream(0, "boot"), **options)


def test_perfect_features_match_everything():
    game = _game(stream(0, "f").normal(size=(208, 512)), patients=[f"p{i // 2}" for i in range(208)])
    assert game.core.accuracy.value == game.patient.accuracy.value == 1.0
    assert (game.core.rank == 1).all()


def test_chance_is_one_over_the_number_of_references():
    game = _game(stream(0, "f").normal(size=(208, 8)), patients=[f"p{i // 2}" for i in range(208)])
    assert game.core.chance == pytest.approx(1 / 208)
    assert f"{game.core.chance:.5f}" == "0.00481"
    assert game.patient.chance == pytest.approx(1 / 104)


def test_random_features_match_at_chance():
    rng = stream(1, "random")
    hits = [_game(rng.normal(size=(20, 16)), rng.normal(size=(20, 16)), n_resamples=0).core.accuracy.value for _ in range(200)]
    assert np.mean(hits) == pytest.approx(1 / 20, abs=3 * np.sqrt(0.05 * 0.95 / 4000))


def test_131_of_208_is_63_percent():
    left = np.eye(208)
    right = left.copy()
    right[:77] = np.roll(left[:77], 1, axis=0)
    value = _game(left, right).core.accuracy.value
    assert value == 131 / 208
    assert f"{100 * value:.0f} %" == "63 %"


def test_patient_accuracy_equals_core_accuracy_when_every_patient_has_one_core():
    rng = stream(2, "noisy")
    left = rng.normal(size=(60, 12))
    game = _game(left, left + rng.normal(scale=1.2, size=left.shape))
    assert 0 < game.core.accuracy.value < 1
    assert game.patient.accuracy.value == game.core.accuracy.value
    assert (game.patient.rank == game.core.rank).all()


def test_pooling_the_cores_of_a_patient_matches_better_than_single_cores():
    rng = stream(3, "pooled")
    patients = np.repeat([f"p{i:02d}" for i in range(50)], 4)
    centre = np.repeat(rng.normal(size=(50, 30)), 4, axis=0)
    left, right = (centre + rng.normal(scale=2.0, size=centre.shape) for _ in range(2))
    game = _game(left, right, patients=patients)
    assert game.patient.accuracy.value > game.core.accuracy.value + 0.2


def test_a_tie_is_a_miss():
    game = _game(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[1.0, 0.0], [1.0, 0.0]]))
    assert game.core.accuracy.value == 0.0
    assert game.core.rank.tolist() == [2, 2]


def test_the_length_of_a_fingerprint_does_not_matter_unless_asked_for():
    rng = stream(4, "length")
    left = rng.normal(size=(40, 6))
    longer = left * rng.uniform(0.1, 10, size=(40, 1))
    assert _game(left, longer).core.accuracy.value == 1.0
    assert _game(left, longer, normalise=False).core.accuracy.value < 0.9


def test_tiles_of_a_piece_are_averaged():
    left = Side([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], ["a", "a", "b"], ["A", "A", "B"])
    right = Side([[1.0, 1.0], [0.0, -2.0]], ["a", "b"], ["A", "B"])
    game = matching_game(left, right, rng=stream(0, "x"), normalise=False)
    assert game.core.distances == pytest.approx(cdist([[0.5, 0.5], [0.0, -1.0]], [[1.0, 1.0], [0.0, -2.0]]))


def test_every_piece_of_a_patient_counts_alike():
    left = Side([[1.0, 0.0]] * 9 + [[0.0, 1.0]], ["a1"] * 9 + ["a2"], ["A"] * 10)
    right = Side([[0.5, 0.5], [1.0, 0.0]], ["a1", "b1"], ["A", "B"])
    game = matching_game(left, right, rng=stream(0, "x"), normalise=False)
    assert game.patient.distances[0, 0] == 0.0


def test_pieces_on_one_side_only_are_wrong_answers_or_left_out():
    left = Side(np.eye(3), ["a", "b", "lost"], ["A", "B", "L"])
    right = Side(np.eye(3), ["a", "b", "extra"], ["A", "B", "E"])
    core = matching_game(left, right, rng=stream(0, "x")).core
    assert (core.n_unmatched, core.chance, core.accuracy.n) == (1, pytest.approx(1 / 3), 2)
    assert core.references.tolist() == ["a", "b", "extra"]


def test_top_k_and_confusion_tell_where_the_others_went():
    left = np.eye(4)
    right = np.eye(4)[[1, 0, 2, 3]]
    core = _game(left, right + 0.1 * np.eye(4)).core
    assert (core.top(1), core.top(2)) == (0.5, 1.0)
    assert core.nearest.tolist() == ["c001", "c000", "c002", "c003"]
    assert core.confusion().tolist() == np.eye(4, dtype=int)[[1, 0, 2, 3]].tolist()


def test_the_interval_resamples_patients_not_pieces():
    left = np.eye(40)
    right = left.copy()
    right[:20] = np.roll(left[:20], 1, axis=0)
    few = _game(left, right, patients=["p0"] * 20 + ["p1"] * 20).core.accuracy
    many = _game(left, right).core.accuracy
    assert (few.low, few.high, few.n_groups) == (0.0, 1.0, 2)
    assert 0.3 < many.low < 0.5 < many.high < 0.7


def test_the_gain_of_an_encoder_over_another_is_paired():
    left = np.eye(40)
    half = left.copy()
    half[:20] = np.roll(left[:20], 1, axis=0)
    gain = matching_gain(_game(left).core, _game(left, half).core, rng=stream(0, "gain"))
    assert gain.value == 0.5
    assert 0.3 < gain.low < gain.high < 0.7


def test_one_patient_gives_no_interval():
    assert _game(np.eye(3), patients=["p"] * 3).core.accuracy.reason == "all queries belong to one patient"


@pytest.mark.parametrize(
    ("left", "right", "message"),
    [
        (Side(np.eye(2), ["a", "b"], ["A", "B"]), Side(np.eye(2), ["c", "d"], ["C", "D"]), "none of the query's pieces"),
        (
            Side(np.eye(2), ["a", "b"], ["A", "B"]),
            Side(np.eye(2), ["a", "b"], ["A", "C"]),
            "'b' belongs to the patients 'B' and 'C'",
        ),
        (Side(np.eye(2), ["a", "b"], ["A", "B"]), Side(np.ones((2, 3)), ["a", "b"], ["A", "B"]), "2 features, the reference 3"),
        (Side(np.full((1, 2), np.nan), ["a"], ["A"]), Side(np.ones((1, 2)), ["a"], ["A"]), "not finite"),
        (Side(np.ones(2), ["a", "b"], ["A", "B"]), Side(np.ones((1, 2)), ["a"], ["A"]), r"\(n_tiles, n_features\)"),
    ],
)
def test_games_that_cannot_be_played_are_refused(left, right, message):
    with pytest.raises(StatisticsError, match=message):
        matching_game(left, right, rng=stream(0, "x"))


def test_games_with_other_queries_are_not_compared():
    with pytest.raises(StatisticsError, match="other queries"):
        matching_gain(_game(np.eye(2)).core, _game(np.eye(3)).core, rng=stream(0, "x"))


def test_means_do_not_depend_on_the_order_of_rows():
    rng = stream(5, "order")
    features, names = rng.normal(size=(30, 4)), np.array(["b", "a", "c"] * 10)
    order = rng.permutation(30)
    first, second = mean_features(features, names), mean_features(features[order], names[order])
    assert first[0].tolist() == second[0].tolist() == ["a", "b", "c"]
    assert first[1] == pytest.approx(second[1], abs=1e-15)


def test_unit_vectors_have_length_one():
    assert np.linalg.norm(unit_length(stream(6, "u").normal(size=(9, 5))), axis=1) == pytest.approx(1.0)


def test_standardised_sides_match_whatever_a_stain_does_to_every_feature():
    rng = stream(0, "standardised")
    pieces = [f"c{i}" for i in range(30)]
    left = rng.normal(size=(30, 12))
    right = 0.2 * rng.normal(size=(30, 12)) + left
    stained = right * rng.uniform(0.2, 3.0, 12) + rng.normal(scale=5.0, size=12)
    plain = matching_game(Side(left, pieces, pieces), Side(stained, pieces, pieces), normalise=False, rng=rng)
    sides = [standardised(Side(features, pieces, pieces), normalise=False) for features in (left, stained)]
    game = matching_game(*sides, normalise=False, rng=rng)
    assert plain.core.accuracy.value < 0.2
    assert game.core.accuracy.value > 0.95


def test_standardising_counts_pieces_alike_and_leaves_constant_features_alone():
    side = standardised(
        Side([[0.0, 7.0], [0.0, 7.0], [0.0, 7.0], [4.0, 7.0]], ["a", "a", "a", "b"], list("aaab")), normalise=False
    )
    assert np.asarray(side.features).tolist() == [[-1.0, 0.0]] * 3 + [[1.0, 0.0]]
