import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn import metrics

from cartopath.core.errors import StatisticsError
from cartopath.stats import accuracy, auroc, auroc_ci, patient_scores, roc_curve

labelled = st.lists(st.tuples(st.booleans(), st.integers(-5, 5)), min_size=2, max_size=60)


def split(rows):
    labels, scores = zip(*rows, strict=True)
    assume(any(labels) and not all(labels))
    return np.array(labels), np.array(scores, dtype=float)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@given(labelled)
def test_the_area_agrees_with_sklearn_ties_included(rows):
    labels, scores = split(rows)
    assert auroc(labels, scores) == pytest.approx(metrics.roc_auc_score(labels, scores), rel=1e-7)


@given(labelled)
def test_turning_the_scores_round_turns_the_area_round(rows):
    labels, scores = split(rows)
    assert auroc(labels, -scores) == pytest.approx(1 - auroc(labels, scores), rel=1e-12, abs=1e-12)


@given(labelled)
def test_a_rising_transformation_changes_nothing(rows):
    labels, scores = split(rows)
    assert auroc(labels, np.exp(scores)) == auroc(labels, scores)


def test_perfect_and_constant_scores():
    assert auroc([0, 0, 1], [1, 2, 3]) == 1.0
    assert auroc([0, 1, 1], [5, 5, 5]) == 0.5


@pytest.mark.parametrize("labels", [[0, 0], [1, 1], []])
def test_one_class_has_no_area(labels):
    with pytest.raises(StatisticsError, match="both classes"):
        auroc(labels, np.zeros(len(labels)))


def test_a_missing_score_is_refused():
    with pytest.raises(StatisticsError, match="not a finite number"):
        auroc([0, 1], [np.nan, 1])


def test_a_label_beyond_zero_and_one_is_refused():
    with pytest.raises(StatisticsError, match="expected only 0 and 1, found 2"):
        auroc([0, 2], [1, 2])


def test_lengths_must_agree():
    with pytest.raises(StatisticsError, match="labels 2, scores 3"):
        auroc([0, 1], [1, 2, 3])


@given(labelled)
def test_the_curve_agrees_with_sklearn(rows):
    labels, scores = split(rows)
    curve = roc_curve(labels, scores)
    fpr, tpr, threshold = metrics.roc_curve(labels, scores, drop_intermediate=False)
    np.testing.assert_allclose(curve.false_positive_rate, fpr, rtol=1e-7)
    np.testing.assert_allclose(curve.true_positive_rate, tpr, rtol=1e-7)
    np.testing.assert_allclose(curve.threshold, threshold, rtol=1e-7)


def test_a_curve_needs_both_classes():
    with pytest.raises(StatisticsError, match="roc_curve: all 2 labels are positive"):
        roc_curve([1, 1], [0.1, 0.2])


def test_the_interval_agrees_with_a_plain_bootstrap_by_patient(rng):
    labels = rng.random(60) < 0.5
    scores = labels + rng.normal(0, 1.5, 60)
    patients = np.repeat(np.arange(30), 2)
    estimate = auroc_ci(labels, scores, patients, n_resamples=2000, rng=np.random.default_rng(1))
    drawn = []
    for _ in range(600):
        rows = np.concatenate([np.flatnonzero(patients == patient) for patient in rng.integers(30, size=30)])
        positive, negative = scores[rows][labels[rows]], scores[rows][~labels[rows]]
        drawn.append((positive[:, None] > negative).mean())
    assert estimate.value == pytest.approx(metrics.roc_auc_score(labels, scores), rel=1e-7)
    np.testing.assert_allclose([estimate.low, estimate.high], np.percentile(drawn, [2.5, 97.5]), atol=0.03)


def test_copies_of_a_patient_do_not_narrow_the_interval(rng):
    labels, scores = rng.random(40) < 0.5, rng.random(40)
    once = auroc_ci(labels, scores, np.arange(40), rng=np.random.default_rng(1))
    copied = auroc_ci(np.tile(labels, 5), np.tile(scores, 5), np.tile(np.arange(40), 5), rng=np.random.default_rng(1))
    assert copied.high - copied.low == pytest.approx(once.high - once.low, rel=1e-9)
    assert (copied.n, copied.n_groups) == (200, 40)


def test_the_interval_covers_the_truth_about_as_often_as_it_says(rng):
    covered = 0
    for _ in range(200):
        labels = np.repeat([0, 1], 40)
        estimate = auroc_ci(labels, rng.normal(labels, 1.0), n_resamples=300, rng=rng)
        covered += estimate.low <= 0.7602499 <= estimate.high
    assert 0.90 <= covered / 200 <= 0.99


def test_the_same_stream_gives_the_same_interval():
    rows = [0, 1] * 20, np.random.default_rng(3).random(40)
    assert auroc_ci(*rows, rng=np.random.default_rng(5)) == auroc_ci(*rows, rng=np.random.default_rng(5))


def test_many_rows_give_the_same_value_as_sklearn(rng):
    labels, scores = rng.random(50_000) < 0.3, rng.random(50_000).round(3)
    estimate = auroc_ci(labels, scores, rng.integers(50, size=50_000), n_resamples=50, rng=rng)
    assert estimate.value == pytest.approx(metrics.roc_auc_score(labels, scores), rel=1e-7)
    assert estimate.low < estimate.value < estimate.high


@pytest.mark.parametrize(
    ("labels", "reason"),
    [([], "there are no rows"), ([1, 1, 1], "all 3 labels are positive"), ([0, 0], "all 2 labels are negative")],
)
def test_one_class_gives_a_reason_instead_of_a_number(labels, reason, rng):
    estimate = auroc_ci(labels, np.zeros(len(labels)), rng=rng)
    assert (estimate.value, estimate.low, estimate.high, estimate.n) == (None, None, None, len(labels))
    assert estimate.reason == reason
    assert "undefined" in str(estimate)


def test_one_patient_has_a_value_and_no_interval(rng):
    estimate = auroc_ci([0, 1], [0.1, 0.9], ["a", "a"], rng=rng)
    assert (estimate.value, estimate.low) == (1.0, None)
    assert estimate.reason == "all rows belong to one patient"
    assert "no interval" in str(estimate)


def test_no_resamples_give_no_interval(rng):
    estimate = auroc_ci([0, 1], [0.1, 0.9], n_resamples=0, rng=rng)
    assert (estimate.value, estimate.low, estimate.reason) == (1.0, None, "no resamples asked for")


def test_resamples_of_one_class_are_counted_in_the_reason():
    labels = [1] * 2 + [0]
    found = [auroc_ci(labels, [3, 2, 1], ["a", "a", "b"], n_resamples=101, rng=np.random.default_rng(seed)) for seed in range(20)]
    withheld = [estimate for estimate in found if estimate.low is None]
    assert withheld
    assert all("of 101 bootstrap samples hold one class only" in estimate.reason for estimate in withheld)


def test_the_estimate_prints_its_interval_and_n(rng):
    assert str(auroc_ci([0, 1] * 5, [1, 2] * 5, rng=rng)) == "1.00 (95% CI 1.00-1.00, n=10)"


def test_a_score_at_the_threshold_counts_as_negative():
    assert accuracy([0, 1], [0.5, 0.5]) == 0.5


def test_accuracy_agrees_with_sklearn(rng):
    labels, scores = rng.random(50) < 0.5, rng.random(50)
    assert accuracy(labels, scores) == pytest.approx(metrics.accuracy_score(labels, scores > 0.5), rel=1e-7)


def test_accuracy_of_nothing_is_refused():
    with pytest.raises(StatisticsError, match="no rows"):
        accuracy([], [])


def test_a_patient_counts_once_with_the_mean_of_its_slides():
    found = patient_scores(["p2", "p1", "p2", "p2"], [1, 0, 1, 1], [0.3, 0.9, 0.6, 0.9])
    assert found.patients.tolist() == ["p1", "p2"]
    assert found.labels.tolist() == [False, True]
    np.testing.assert_allclose(found.scores, [0.9, 0.6], rtol=1e-12)


def test_a_patient_with_two_labels_is_refused():
    with pytest.raises(StatisticsError, match="different labels \\(p1\\)"):
        patient_scores(["p1", "p1"], [0, 1], [0.1, 0.2])


def test_a_slide_without_a_patient_is_refused():
    with pytest.raises(StatisticsError, match="1 rows have no patient"):
        patient_scores(["p1", None], [0, 1], [0.1, 0.2])
