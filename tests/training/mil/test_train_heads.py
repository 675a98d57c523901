"""Training heads: they find what was planted, and nothing where nothing was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import pearsonr
from tests.training.mil.conftest import N_FEATURES, QUICK

from cartopath.core.errors import ConfigError, TrainingError
from cartopath.core.rng import stream
from cartopath.models.mil import HEADS, MilSpec
from cartopath.stats import auroc
from cartopath.training.mil import Bag, Job, MilTraining, predict_bag, predict_many, train_heads

TEST = range(80, 120)


def needles(n_patients: int) -> tuple[list[Bag], np.ndarray]:
    """Return bags of 200 tiles, two of which are moved in every other bag, and whether they are."""
    direction = stream(0, "needles").normal(size=N_FEATURES)
    direction *= 6 / np.linalg.norm(direction)
    bags = []
    for number in range(n_patients):
        features = stream(0, "needles", number).normal(size=(200, N_FEATURES))
        features[: 2 * (number % 2)] += direction
        bags.append(Bag(f"needles-{number}", features))
    return bags, np.arange(n_patients) % 2.0


def learned(planted, targets, head="attention", recipe=QUICK, **spec):
    job = Job("one", targets, range(60), range(60, 80))
    return train_heads(planted.bags, [job], MilSpec(head=head, n_features=N_FEATURES, **spec), recipe)[0]


def r_on_test(planted, outcome) -> float:
    values = [predict_bag(outcome, planted.bags[number].features).score[0] for number in TEST]
    return pearsonr(values, planted.share[80:]).statistic


class TestPlantedSignal:
    def test_attention_recovers_the_share_of_hot_tiles(self, planted, attention):
        assert r_on_test(planted, attention) >= 0.9

    def test_its_predictions_are_in_the_units_of_the_target(self, planted, attention):
        values = [predict_bag(attention, planted.bags[number].features).value[0] for number in TEST]
        assert np.abs(np.array(values) - 50 - 10 * planted.share[80:]).mean() < 0.25

    def test_its_hotspots_are_the_hot_tiles(self, planted, attention):
        said = [predict_bag(attention, planted.bags[number].features) for number in TEST]
        hot = np.concatenate([planted.hot[number] for number in TEST])
        assert auroc(hot, np.concatenate([one.tile_scores[:, 0] for one in said])) >= 0.95

    def test_where_two_tiles_of_two_hundred_decide_attention_finds_them_and_a_mean_does_not(self):
        bags, target = needles(120)
        job = Job("needles", target, range(70), range(70, 90))
        found = {}
        for head in ("attention", "mean"):
            outcome = train_heads(bags, [job], MilSpec(head=head, n_features=N_FEATURES), replace(QUICK, max_epochs=15))[0]
            scores = [predict_bag(outcome, bag.features).score[0] for bag in bags[90:]]
            found[head] = pearsonr(scores, target[90:]).statistic
        assert found["attention"] > 0.8
        assert found["mean"] < 0.4

    @pytest.mark.parametrize(("head", "least"), [(head, 0.35 if head == "max" else 0.7) for head in HEADS])
    def test_every_head_learns(self, planted, head, least):
        few = {"n_hidden": 32, "n_supertiles": 20} if head in ("top_k", "transformer") else {}
        recipe = replace(QUICK, max_epochs=15, tiles_per_bag=None)
        assert r_on_test(planted, learned(planted, planted.share, head, recipe, **few)) >= least

    def test_principal_components_keep_the_signal(self, planted):
        outcome = learned(planted, planted.share, recipe=replace(QUICK, components=4))
        assert outcome.head.spec.n_features == 4
        assert r_on_test(planted, outcome) >= 0.9

    def test_features_of_another_scale_are_learned_from_as_well(self, planted):
        bags = [Bag(bag.patient_id, (500 + 40 * bag.features.astype(np.float32))) for bag in planted.bags]
        job = Job("one", planted.share, range(60), range(60, 80))
        outcome = train_heads(bags, [job], MilSpec(n_features=N_FEATURES), QUICK)[0]
        values = [predict_bag(outcome, bags[number].features).score[0] for number in TEST]
        assert pearsonr(values, planted.share[80:]).statistic >= 0.9

    def test_the_published_recipe_learns_too(self, planted):
        recipe = replace(MilTraining.as_published(), max_epochs=15, lr=1e-3)
        assert r_on_test(planted, learned(planted, planted.share, recipe=recipe)) >= 0.85


def test_null_data_teach_nothing(planted):
    rng = np.random.default_rng(5)
    jobs = [Job(f"null {number}", rng.normal(size=120), range(60), range(60, 80)) for number in range(30)]
    outcomes = train_heads(planted.bags, jobs, MilSpec(n_features=N_FEATURES), replace(QUICK, max_epochs=12))
    scores = np.array([[one.score[0] for one in predict_many(outcomes, planted.bags[number].features)] for number in TEST])
    p_values = np.array([pearsonr(scores[:, column], job.targets[80:]).pvalue for column, job in enumerate(jobs)])
    assert (p_values < 0.05).mean() <= 0.2
    assert p_values.min() > 0.001


class TestOtherTargets:
    def test_classes_are_told_apart(self, planted):
        positive = planted.share > np.median(planted.share)
        outcome = learned(planted, positive.astype(float), target="classification")
        values = [predict_bag(outcome, planted.bags[number].features).value[0] for number in TEST]
        assert auroc(positive[80:], values) >= 0.95
        assert 0 <= min(values) < 0.3 < 0.7 < max(values) <= 1

    def test_balanced_classes_keep_the_cut_of_a_rare_class_at_one_half(self, planted):
        rare = planted.share > np.quantile(planted.share, 0.8)
        noisy = np.where(np.arange(120) % 5 == 0, ~rare, rare).astype(float)
        recipe = replace(QUICK, max_epochs=30)
        shares = []
        for balance in ("none", "class"):
            outcome = learned(planted, noisy, recipe=replace(recipe, balance=balance), target="classification")
            values = [predict_bag(outcome, planted.bags[number].features).value[0] for number in TEST]
            shares.append(np.mean(np.array(values)[rare[80:]]))
        assert shares[1] > shares[0]

    def test_levels_are_put_in_order(self, planted):
        levels = np.digitize(planted.share, np.quantile(planted.share, [0.25, 0.5, 0.75])).astype(float)
        outcome = learned(planted, levels, target="ordinal", n_levels=4)
        values = np.array([predict_bag(outcome, planted.bags[number].features).value[0] for number in TEST])
        assert pearsonr(values, levels[80:]).statistic >= 0.85
        assert 0 <= values.min() < 1 < 2 < values.max() <= 3

    def test_survival_follows_the_planted_risk(self, planted):
        rng = np.random.default_rng(0)
        times = rng.exponential(1000 * np.exp(-20 * (planted.share - 0.1)))
        censored = rng.exponential(1500, 120)
        targets = np.stack([np.minimum(times, censored), times <= censored], 1)
        outcome = learned(planted, targets, recipe=replace(QUICK, bags_per_step=30), target="survival")
        assert r_on_test(planted, outcome) >= 0.7

    def test_huber_shrugs_off_a_wild_measurement(self, planted):
        wild = planted.share.copy()
        wild[:3] += 5
        found = {
            loss: r_on_test(planted, learned(planted, wild, recipe=replace(QUICK, loss=loss, max_epochs=30)))
            for loss in ("mse", "huber")
        }
        assert found["huber"] > found["mse"] + 0.2

    def test_several_outputs_are_learned_by_one_model(self, planted):
        targets = np.stack([planted.share, -3 * planted.share + 1], 1)
        outcome = learned(planted, targets, n_outputs=2)
        said = np.array([predict_bag(outcome, planted.bags[number].features).value for number in TEST])
        np.testing.assert_allclose(pearsonr(said[:, 0], planted.share[80:]).statistic, 1, atol=0.1)
        np.testing.assert_allclose(pearsonr(said[:, 1], planted.share[80:]).statistic, -1, atol=0.1)


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda bags, job: (bags, replace(job, train=[0, 1, 60])), "stands twice"),
            (lambda bags, job: (bags, replace(job, train=[0, 500])), "of 120"),
            (lambda bags, job: (bags, replace(job, train=[])), "no bag to learn from"),
            (lambda bags, job: (bags, replace(job, targets=job.targets[:-1])), "targets must be"),
            (lambda bags, job: (bags, replace(job, targets=np.where(job.targets > 0.1, np.inf, 0))), "infinite"),
            (lambda bags, job: ([bags[1], *bags[1:]], job), "has 2 bags"),
            (lambda bags, job: ([Bag("x", np.zeros((0, 16), np.float32)), *bags[1:]], job), "is empty"),
            (lambda bags, job: ([Bag("x", np.zeros((3, 9), np.float32)), *bags[1:]], job), "9 features"),
            (lambda bags, job: ([Bag("x", np.zeros((3, 16), np.int64)), *bags[1:]], job), "floating point"),
            (lambda bags, job: ([Bag("x", np.full((3, 16), np.nan)), *bags[1:]], job), "not finite"),
        ],
    )
    def test_it_is_said_why(self, planted, change, message):
        bags, job = change(planted.bags, Job("gene", planted.share, range(60), range(60, 80)))
        with pytest.raises(TrainingError, match=message):
            train_heads(bags, [job], MilSpec(n_features=N_FEATURES), QUICK)

    def test_classes_are_zero_and_one(self, planted):
        with pytest.raises(TrainingError, match="0 to 1 or missing"):
            learned(planted, np.arange(120.0), target="classification")

    def test_two_jobs_with_the_same_random_numbers(self, planted):
        job = Job("gene", planted.share, range(60))
        with pytest.raises(TrainingError, match="draw from the stream"):
            train_heads(planted.bags, [job, job], MilSpec(n_features=N_FEATURES), QUICK)

    @pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
    def test_a_gpu_that_is_not_there(self, planted):
        with pytest.raises(TrainingError, match="sees no CUDA GPU"):
            train_heads(planted.bags, [Job("gene", planted.share, [0])], MilSpec(n_features=N_FEATURES), QUICK, device="cuda")

    @pytest.mark.parametrize(
        ("values", "named"),
        [
            ({"optimizer": "lbfgs"}, "optimizer"),
            ({"lr": 0.0}, "lr"),
            ({"optimizer": "sgd", "momentum": 0.0}, "momentum"),
            ({"tiles_per_bag": 0}, "tiles_per_bag"),
            ({"components": 0}, "components"),
            ({"weight_decay": -1.0}, "weight_decay"),
        ],
    )
    def test_a_recipe_that_cannot_be_followed(self, values, named):
        with pytest.raises(ConfigError, match=f"'{named}'"):
            MilTraining(**values)

    def test_more_components_than_features(self, planted):
        with pytest.raises(TrainingError, match="17 components are asked for, of 16"):
            learned(planted, planted.share, recipe=replace(QUICK, components=17))
