"""Folds of several repeats, values that can be put together over folds, and ridge regression against scikit-learn's."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from cartopath.core.errors import SplitError
from cartopath.methods.regression.division import divide
from cartopath.methods.regression.parts import averaged
from cartopath.methods.regression.ridge import ridge_values
from cartopath.methods.regression.standards import standard_of
from cartopath.stats import benjamini_hochberg, gene_metrics

NAMES = [f"P{i:03d}" for i in range(60)]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def out_of_fold(x, y, *, standardised):
    """Measured values and predictions of ridge regression, put together over five folds."""
    parts, _ = divide(NAMES, folds=5, repeats=1, seed=0)
    standards = [standard_of(y, part) if standardised else lambda values: values for part in parts]
    measured = [standard(y[part.test]) for part, standard in zip(parts, standards, strict=True)]
    predicted = [standard(ridge_values(x, y, part)) for part, standard in zip(parts, standards, strict=True)]
    return averaged(parts, measured, len(y)), averaged(parts, predicted, len(y))


class TestDivision:
    def test_everybody_is_predicted_once_in_each_repeat(self):
        parts, splits = divide(NAMES, folds=5, repeats=3, seed=0)
        for repeat in range(3):
            tested = np.concatenate([part.test for part in parts if part.repeat == repeat])
            assert sorted(tested) == list(range(60))
        assert (splits[splits["set"] == "test"].groupby("repeat")["patient_id"].nunique() == 60).all()

    def test_nobody_is_learned_from_and_predicted(self):
        for part in divide(NAMES, folds=5, repeats=2, seed=0)[0]:
            assert not set(part.test) & set(part.known)
            assert len(part.test) + len(part.known) == 60

    def test_repeats_differ_and_seeds_decide(self):
        first, second = (divide(NAMES, folds=5, repeats=2, seed=seed)[0] for seed in (0, 0))
        assert [part.test.tolist() for part in first] == [part.test.tolist() for part in second]
        assert first[0].test.tolist() != first[5].test.tolist()

    def test_too_few_patients_are_refused(self):
        with pytest.raises(SplitError, match=r"12 patients .* 5 folds of at least 4"):
            divide(NAMES[:12], folds=5, repeats=1, seed=0)


class TestPuttingFoldsTogether:
    def test_nothing_gives_nothing(self, rng):
        found = gene_metrics(*out_of_fold(rng.normal(size=(60, 30)), rng.normal(size=(60, 600)), standardised=True))
        assert np.median(found.pearson) == pytest.approx(0, abs=0.05)
        assert (found.pearson_p < 0.05).mean() == pytest.approx(0.05, abs=0.035)
        assert ((benjamini_hochberg(found.pearson_p) < 0.05) & (found.pearson > 0)).sum() <= 1

    def test_values_as_they_are_would_go_against_the_measured(self, rng):
        found = gene_metrics(*out_of_fold(rng.normal(size=(60, 30)), rng.normal(size=(60, 600)), standardised=False))
        assert np.median(found.pearson) < -0.08

    def test_test_patients_have_no_part_in_the_scale(self, rng):
        part = divide(NAMES, folds=5, repeats=1, seed=0)[0][0]
        y = rng.normal(size=(60, 4))
        changed = y.copy()
        changed[part.test] += 100
        assert standard_of(changed, part).mean.tolist() == standard_of(y, part).mean.tolist()

    def test_a_gene_that_does_not_vary_in_training_is_not_blown_up(self):
        part = divide(NAMES, folds=5, repeats=1, seed=0)[0][0]
        y = np.full((60, 1), 3.0)
        y[part.test] = 4.0
        assert standard_of(y, part)(y)[part.test].tolist() == [[1.0]] * len(part.test)


class TestRidge:
    def test_is_that_of_scikit_learn_with_the_penalty_that_validation_chooses(self, rng):
        x = rng.normal(size=(60, 8))
        y = x[:, :2] @ rng.normal(size=(2, 3)) + rng.normal(size=(60, 3))
        part = divide(NAMES, folds=5, repeats=1, seed=0)[0][0]
        scaled = (x - x[part.train].mean(axis=0)) / x[part.train].std(axis=0)
        penalties = np.logspace(-2, 5, 15) * ((scaled[part.train] ** 2).sum() / 8)
        for gene in range(3):
            fits = [Ridge(alpha=penalty).fit(scaled[part.train], y[part.train, gene]) for penalty in penalties]
            errors = [((fit.predict(scaled[part.validation]) - y[part.validation, gene]) ** 2).sum() for fit in fits]
            expected = fits[int(np.argmin(errors))].predict(scaled[part.test])
            assert ridge_values(x, y, part)[:, gene] == pytest.approx(expected, rel=1e-8)

    def test_genes_with_missing_patients_are_fitted_on_the_others(self, rng):
        x, y = rng.normal(size=(60, 5)), rng.normal(size=(60, 3))
        part = divide(NAMES, folds=5, repeats=1, seed=0)[0][0]
        gappy = y.copy()
        gappy[part.train[:7], 1] = np.nan
        both, whole = ridge_values(x, gappy, part), ridge_values(x, y, part)
        assert both[:, [0, 2]] == pytest.approx(whole[:, [0, 2]])
        assert not np.allclose(both[:, 1], whole[:, 1])

    def test_more_features_than_patients_are_no_obstacle(self, rng):
        x = rng.normal(size=(60, 400))
        y = 3 * x[:, :1] + 0.1 * rng.normal(size=(60, 1))
        part = divide(NAMES, folds=5, repeats=1, seed=0)[0][0]
        assert np.isfinite(ridge_values(x, y, part)).all()

    def test_constant_features_predict_the_mean(self, rng):
        part = divide(NAMES, folds=5, repeats=1, seed=0)[0][0]
        y = rng.normal(size=(60, 2))
        found = ridge_values(np.ones((60, 4)), y, part)
        assert found == pytest.approx(np.tile(y[part.train].mean(axis=0), (len(part.test), 1)))
