"""Many heads at once: each learns exactly what it would learn alone, and ends when its own time comes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.training.mil.conftest import N_FEATURES, QUICK

from cartopath.core.rng import stream
from cartopath.models.mil import HEADS, MilSpec, by_name, initial_parameters
from cartopath.training.mil import Bag, Job, MilTraining, iter_trained, predict_bag, train_heads

RECIPE = replace(QUICK, max_epochs=3, tiles_per_bag=32)
SMALL = {"top_k": {"n_hidden": 16}, "transformer": {"n_hidden": 16, "n_supertiles": 10}}


def jobs(planted, n_jobs: int = 3, *, n_train: int = 40) -> list[Job]:
    """Return jobs over the same bags, some of whose targets are unknown."""
    found = []
    for number in range(n_jobs):
        targets = planted.share + 0.1 * number * np.random.default_rng(number).normal(size=len(planted.bags))
        targets[np.random.default_rng(100 + number).random(len(targets)) < 0.2 * number] = np.nan
        found.append(Job(f"gene {number}", targets, range(n_train), range(60, 80)))
    return found


def assert_same(first, second, *, atol: float = 2e-4) -> None:
    assert (first.name, first.best_epoch, first.ending) == (second.name, second.best_epoch, second.ending)
    np.testing.assert_allclose(first.train_losses, second.train_losses, rtol=1e-3, atol=atol)
    np.testing.assert_allclose(first.validation_losses, second.validation_losses, rtol=1e-3, atol=atol)
    for name, weights in first.weights.items():
        np.testing.assert_allclose(weights, second.weights[name], rtol=1e-3, atol=atol, err_msg=name)


@pytest.mark.parametrize("head", HEADS)
def test_together_is_as_alone(planted, head):
    spec = MilSpec(head=head, n_features=N_FEATURES, **SMALL.get(head, {}))
    together = train_heads(planted.bags, jobs(planted), spec, RECIPE)
    alone = [train_heads(planted.bags, [job], spec, RECIPE)[0] for job in jobs(planted)]
    for first, second in zip(together, alone, strict=True):
        assert_same(first, second)


@pytest.mark.parametrize("head", ["attention", "gated_attention", "exponential"])
def test_together_is_as_alone_without_a_hidden_layer(planted, head):
    spec = MilSpec(head=head, n_features=N_FEATURES, n_layers=0)
    together = train_heads(planted.bags, jobs(planted, 2), spec, RECIPE)
    for first, job in zip(together, jobs(planted, 2), strict=True):
        assert_same(first, train_heads(planted.bags, [job], spec, RECIPE)[0])


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_together_is_as_alone_with_one_bag_per_step_of_which_some_jobs_know_nothing(planted, optimizer):
    recipe = replace(RECIPE, optimizer=optimizer, bags_per_step=1, lr=1e-3)
    spec = MilSpec(n_features=N_FEATURES)
    together = train_heads(planted.bags, jobs(planted), spec, recipe)
    for first, job in zip(together, jobs(planted), strict=True):
        assert_same(first, train_heads(planted.bags, [job], spec, recipe)[0])


def test_a_bag_without_a_target_is_as_if_it_were_not_there(planted):
    (job,) = jobs(planted, 1)
    spec, recipe = MilSpec(n_features=N_FEATURES, dropout=0.0), replace(RECIPE, bags_per_step=1)
    unknown = Job(job.name, np.where(np.arange(120) == 7, np.nan, job.targets), job.train, job.validation)
    wild = Job(job.name, np.where(np.arange(120) == 7, np.nan, job.targets), [*range(7), *range(8, 40)], job.validation)
    first = train_heads(planted.bags, [unknown], spec, recipe)[0]
    second = train_heads(planted.bags, [wild], spec, recipe)[0]
    np.testing.assert_allclose(first.train_losses, second.train_losses, rtol=0.05)
    assert first.head.target_mean == second.head.target_mean


@pytest.mark.parametrize("memory_bytes", [1, 20 << 20])
def test_little_memory_changes_nothing(planted, memory_bytes):
    spec = MilSpec(n_features=N_FEATURES)
    plenty = train_heads(planted.bags, jobs(planted), spec, RECIPE)
    for first, second in zip(
        plenty, train_heads(planted.bags, jobs(planted), spec, RECIPE, memory_bytes=memory_bytes), strict=True
    ):
        assert_same(first, second)


def test_jobs_of_several_folds_come_back_in_their_order(planted):
    folds = [
        Job(f"fold {n}", planted.share, [i for i in range(60) if i % 3 != n], [i for i in range(60) if i % 3 == n])
        for n in range(3)
    ]
    asked = [folds[0], folds[1], Job("fold 0 again", *[getattr(folds[0], name) for name in ("targets", "train", "validation")])]
    spec = MilSpec(n_features=N_FEATURES)
    outcomes = train_heads(planted.bags, asked, spec, RECIPE)
    assert [outcome.name for outcome in outcomes] == ["fold 0", "fold 1", "fold 0 again"]
    assert_same(outcomes[1], train_heads(planted.bags, [folds[1]], spec, RECIPE)[0])


class TestEndings:
    def test_each_job_ends_when_its_best_epoch_is_far_behind(self, planted):
        noise = Job("noise", np.random.default_rng(0).normal(size=120), range(60), range(60, 80))
        signal = Job("signal", planted.share, range(60), range(60, 80))
        outcomes = train_heads(planted.bags, [noise, signal], MilSpec(n_features=N_FEATURES), replace(QUICK, lr=1e-3))
        assert [outcome.ending for outcome in outcomes] == ["patience", "patience"]
        assert len(outcomes[0].curve) < len(outcomes[1].curve)
        for outcome in outcomes:
            assert len(outcome.curve) == outcome.best_epoch + 1 + QUICK.patience

    def test_the_weights_are_those_of_the_best_epoch(self, planted):
        spec = MilSpec(n_features=N_FEATURES)
        job = Job("signal", planted.share, range(60), range(60, 80))
        outcome = train_heads(planted.bags, [job], spec, replace(QUICK, max_epochs=25))[0]
        shorter = train_heads(planted.bags, [job], spec, replace(QUICK, max_epochs=outcome.best_epoch + 1))[0]
        assert_same(
            replace(outcome, ending="", train_losses=shorter.train_losses, validation_losses=shorter.validation_losses),
            replace(shorter, ending=""),
        )
        assert outcome.validation == outcome.curve["validation_loss"].min()

    def test_without_validation_bags_the_last_epoch_is_kept(self, planted):
        outcome = train_heads(planted.bags, [Job("all", planted.share, range(60))], MilSpec(n_features=N_FEATURES), RECIPE)[0]
        assert (outcome.ending, outcome.best_epoch, len(outcome.curve)) == ("max_epochs", 2, 3)
        assert outcome.curve["validation_loss"].isna().all()

    def test_a_job_that_diverges_takes_no_other_with_it(self, planted):
        wild = Job("wild", np.where(np.arange(120) < 60, planted.share, 1e30), range(60), range(60, 80))
        outcomes = train_heads(planted.bags, [wild, *jobs(planted, 1)], MilSpec(n_features=N_FEATURES), RECIPE)
        assert outcomes[0].ending == "diverged"
        assert np.isfinite(outcomes[1].validation_losses).all()

    @pytest.mark.parametrize(
        ("targets", "target", "reason"),
        [
            (np.full(120, 3.0), "regression", "does not vary"),
            (np.where(np.arange(120) < 60, np.arange(120.0), np.nan), "regression", "no validation patient"),
            (np.zeros(120), "classification", "does not vary"),
            (np.stack([np.arange(120.0), np.zeros(120)], 1), "survival", "no training patient died"),
        ],
    )
    def test_what_cannot_be_learned_is_said_and_predicts_the_mean(self, planted, targets, target, reason):
        job = Job("hopeless", targets, range(60), range(60, 80))
        outcome = train_heads(planted.bags, [job], MilSpec(n_features=N_FEATURES, target=target), RECIPE)[0]
        assert outcome.ending == "untrainable"
        assert reason in outcome.reason
        assert outcome.curve.empty
        assert predict_bag(outcome, planted.bags[0].features).score[0] == 0
        if target == "regression":
            assert predict_bag(outcome, planted.bags[0].features).value[0] == pytest.approx(np.mean(targets[:60]))


class TestNothingLeaks:
    def test_other_patients_change_nothing_in_what_is_learned(self, planted):
        spec = MilSpec(n_features=N_FEATURES)
        job = Job("signal", planted.share, range(60), range(60, 80))
        strange = [Bag(bag.patient_id, -5 * bag.features) if number >= 80 else bag for number, bag in enumerate(planted.bags)]
        first, second = (train_heads(bags, [job], spec, RECIPE)[0] for bags in (planted.bags, strange))
        assert all(first.weights[name].tobytes() == second.weights[name].tobytes() for name in first.weights)

    def test_validation_patients_change_no_step_and_no_scale(self, planted):
        spec = MilSpec(n_features=N_FEATURES)
        strange = [
            Bag(bag.patient_id, -5 * bag.features) if 60 <= number < 80 else bag for number, bag in enumerate(planted.bags)
        ]
        targets = np.where(np.arange(120) >= 60, 100.0, planted.share)
        first = train_heads(planted.bags, [Job("one", planted.share, range(60), range(60, 80))], spec, RECIPE)[0]
        second = train_heads(strange, [Job("one", targets, range(60), range(60, 80))], spec, RECIPE)[0]
        np.testing.assert_array_equal(first.train_losses, second.train_losses)
        np.testing.assert_array_equal(first.head.scaling.mean, second.head.scaling.mean)
        assert (first.head.target_mean, first.head.target_sd) == (second.head.target_mean, second.head.target_sd)

    def test_features_have_mean_0_and_deviation_1_over_training_bags(self, planted):
        job = Job("signal", planted.share, range(60), range(60, 80))
        scaling = train_heads(planted.bags, [job], MilSpec(n_features=N_FEATURES), replace(RECIPE, max_epochs=1))[0].head.scaling
        scaled = [scaling(bag.features) for bag in planted.bags[:60]]
        np.testing.assert_allclose(np.mean([tiles.mean(0) for tiles in scaled], 0), 0, atol=1e-4)
        np.testing.assert_allclose(np.mean([np.square(tiles).mean(0) for tiles in scaled], 0), 1, rtol=1e-3)


def test_the_same_training_gives_the_same_bytes_whatever_the_number_of_threads(planted):
    spec = MilSpec(n_features=N_FEATURES)
    first, second = (train_heads(planted.bags, jobs(planted), spec, RECIPE, threads=threads) for threads in (1, 2))
    for one, other in zip(first, second, strict=True):
        assert all(one.weights[name].tobytes() == other.weights[name].tobytes() for name in one.weights)


def test_jobs_have_weights_of_their_own_from_the_start(planted):
    outcomes = train_heads(
        planted.bags,
        [Job(f"gene {number}", planted.share, range(60), range(60, 80)) for number in range(2)],
        MilSpec(n_features=N_FEATURES),
        replace(RECIPE, max_epochs=1, lr=1e-9),
    )
    assert np.abs(outcomes[0].weights["hidden.0.weight"] - outcomes[1].weights["hidden.0.weight"]).max() > 0.1


def test_jobs_are_handed_out_as_they_are_done(planted):
    told: list[tuple[int, int]] = []
    parts = list(
        iter_trained(
            planted.bags,
            jobs(planted),
            MilSpec(n_features=N_FEATURES),
            RECIPE,
            memory_bytes=1,
            progress=lambda *n: told.append(n),
        )
    )
    assert [[one.position for one in part] for part in parts] == [[0], [1], [2]]
    assert told[-1] == (3, 3)
    assert [n_ended for n_ended, _ in told] == sorted(n_ended for n_ended, _ in told)


def test_features_in_a_file_are_learned_from_as_those_in_memory(planted, tmp_path):
    bags = []
    for number, bag in enumerate(planted.bags):
        np.save(tmp_path / f"{number}.npy", bag.features)
        bags.append(Bag(bag.patient_id, np.load(tmp_path / f"{number}.npy", mmap_mode="r")))
    spec = MilSpec(n_features=N_FEATURES)
    for first, second in zip(*(train_heads(some, jobs(planted, 2), spec, RECIPE) for some in (planted.bags, bags)), strict=True):
        assert first.weights["value.weight"].tobytes() == second.weights["value.weight"].tobytes()


@pytest.mark.parametrize(
    ("recipe", "make"),
    [
        (
            MilTraining(optimizer="sgd", lr=1e-2, bags_per_step=1, tiles_per_bag=None, max_epochs=3),
            lambda some: torch.optim.SGD(some, lr=1e-2, momentum=0.9, nesterov=True, weight_decay=1e-2),
        ),
        (
            MilTraining(optimizer="sgd", nesterov=False, lr=1e-2, bags_per_step=5, tiles_per_bag=None, max_epochs=3),
            lambda some: torch.optim.SGD(some, lr=1e-2, momentum=0.9, weight_decay=1e-2),
        ),
        (
            MilTraining(optimizer="adam", lr=1e-3, bags_per_step=5, tiles_per_bag=None, max_epochs=3),
            lambda some: torch.optim.Adam(some, lr=1e-3, weight_decay=1e-2),
        ),
        (
            MilTraining(optimizer="adamw", lr=1e-3, bags_per_step=5, tiles_per_bag=None, max_epochs=3),
            lambda some: torch.optim.AdamW(some, lr=1e-3, weight_decay=1e-2),
        ),
    ],
)
def test_steps_are_those_of_a_plain_training_with_torch(planted, recipe, make):
    spec = MilSpec(n_features=N_FEATURES, dropout=0.0, clamp=0.0)
    outcome = train_heads(planted.bags, [Job("gene", planted.share, range(20))], spec, recipe)[0]
    weights = by_name(initial_parameters(spec, [stream(0, "mil", "gene", "weights")]))
    weights = {name: some[0].clone() for name, some in weights.items()}
    weights["value.bias"].zero_()
    leaves = {name: some.requires_grad_() for name, some in weights.items()}
    optimizer = make(leaves.values())
    standard = (planted.share - planted.share[:20].mean()) / planted.share[:20].std()
    for epoch in range(3):
        order = [number for number in stream(0, "mil", "order", epoch).permutation(120) if number < 20]
        for first in range(0, 20, recipe.bags_per_step):
            some = order[first : first + recipe.bags_per_step]
            optimizer.zero_grad()
            losses = [(plain(leaves, outcome.head.scaling(planted.bags[n].features)) - standard[n]) ** 2 for n in some]
            torch.stack(losses).mean().backward()
            optimizer.step()
    for name, some in leaves.items():
        np.testing.assert_allclose(outcome.weights[name], some.detach().numpy(), rtol=1e-3, atol=1e-4, err_msg=name)


def plain(weights, features) -> torch.Tensor:
    hidden = torch.from_numpy(features) @ weights["hidden.0.weight"].T + weights["hidden.0.bias"]
    units = torch.tanh(hidden @ weights["attention.weight"].T + weights["attention.bias"])
    attention = torch.softmax(units @ weights["attention.score"][0], 0)
    return (attention * (hidden @ weights["value.weight"][0] + weights["value.bias"])).sum()
