import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.metrics import log_loss, roc_auc_score

from cartopath.training.validation import class_weights, probabilities, validation_metrics, weighted_loss


def planted(seed=0, n_slides=8, n_tiles=25):
    rng = np.random.default_rng(seed)
    slides = np.repeat(np.arange(n_slides), n_tiles)
    labels = slides % 2
    return rng.normal(0.3 * labels, 1.0).astype(np.float32), labels, slides


def test_the_loss_is_that_of_sklearn():
    logits, labels, _ = planted()
    assert weighted_loss(logits, labels, (1.0, 1.0)) == pytest.approx(log_loss(labels, expit(logits.astype(float))), rel=1e-12)


def test_the_weighted_loss_is_that_of_sklearn_with_sample_weights():
    logits, labels, _ = planted()
    weights = np.where(labels == 1, 3.0, 0.5)
    expected = log_loss(labels, expit(logits.astype(float)), sample_weight=weights) * weights.mean()
    assert weighted_loss(logits, labels, (0.5, 3.0)) == pytest.approx(expected, rel=1e-12)


def test_the_loss_of_a_confident_mistake_is_finite():
    assert weighted_loss(np.array([2000.0], np.float32), np.array([0]), (1.0, 1.0)) == 2000.0


def test_the_tile_auroc_is_that_of_sklearn():
    logits, labels, slides = planted()
    metrics = validation_metrics(logits, labels, slides, class_weights=(1.0, 1.0))
    assert metrics.tile_auroc == pytest.approx(roc_auc_score(labels, logits), rel=1e-6)


def test_the_slide_auroc_ranks_slides_by_their_share_of_tiles_above_one_half():
    logits, labels, slides = planted()
    shares = [np.mean(logits[slides == slide] > 0) for slide in range(8)]
    metrics = validation_metrics(logits, labels, slides, class_weights=(1.0, 1.0))
    assert metrics.slide_auroc == pytest.approx(roc_auc_score([0, 1] * 4, shares), rel=1e-12)


def test_a_score_of_exactly_one_half_is_not_positive():
    logits = np.array([0.0, 0.0, -1.0, 0.1], np.float32)
    metrics = validation_metrics(logits, np.array([1, 1, 0, 0]), np.array([0, 0, 1, 1]), class_weights=(1.0, 1.0))
    assert metrics.slide_auroc == 0.0


def test_with_one_class_the_aurocs_are_undefined_and_the_loss_is_not():
    metrics = validation_metrics(np.zeros(3, np.float32), np.ones(3, int), np.arange(3), class_weights=(1.0, 1.0))
    assert np.isnan([metrics.tile_auroc, metrics.slide_auroc]).all()
    assert metrics.loss == pytest.approx(np.log(2))


def test_the_score_by_loss_is_higher_for_a_lower_loss():
    logits, labels, slides = planted()
    better, worse = (validation_metrics(sign * logits, labels, slides, class_weights=(1.0, 1.0)) for sign in (1, -1))
    assert better.score("loss") > worse.score("loss")
    assert better.score("slide_auroc") == better.slide_auroc


@given(st.floats(-200, 200, width=32))
def test_probabilities_are_the_logistic_function(logit):
    assert probabilities(np.array([logit], np.float32))[0] == pytest.approx(expit(float(logit)), rel=1e-6, abs=1e-12)


@given(negative=st.integers(1, 1000), positive=st.integers(1, 1000))
def test_balanced_classes_weigh_the_same_in_sum_and_one_on_average(negative, positive):
    low, high = class_weights(np.repeat([0, 1], [negative, positive]), balance="class")
    assert low * negative == pytest.approx(high * positive)
    assert low * negative + high * positive == pytest.approx(negative + positive)


def test_by_default_every_tile_weighs_one():
    assert class_weights(np.array([0, 0, 1]), balance="none") == (1.0, 1.0)
