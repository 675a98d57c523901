"""Training a receptor head: it finds what was planted, learns from training patients only, and is the same every time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from tests.training.heads.conftest import SIGNAL, direction

from cartopath.core.errors import ConfigError, TrainingError
from cartopath.models import n_parameters
from cartopath.stats import auroc
from cartopath.training.heads import Bag, HeadTraining, head_of, head_scores, train_receptor_head


def patient_auroc(weights, bags) -> float:
    head = head_of(weights)
    return auroc([bag.label for bag in bags], [head_scores(head, bag.features).mean() for bag in bags])


def same_bytes(first, second) -> bool:
    return all(first[name].tobytes() == second[name].tobytes() for name in first)


class TestPlantedDirection:
    def test_patients_of_whom_a_fifth_of_the_tiles_tell_are_told_apart(self, outcome, planted):
        assert patient_auroc(outcome.weights, planted(100, "test")) >= 0.95

    def test_tiles_moved_along_it_score_higher_than_others(self, outcome):
        tiles = np.random.default_rng(0).normal(size=(500, 512))
        head = head_of(outcome.weights)
        gain = head_scores(head, tiles + SIGNAL * direction()) - head_scores(head, tiles)
        assert np.mean(gain > 0) > 0.95

    def test_shuffled_labels_teach_nothing(self, planted, quick):
        rng = np.random.default_rng(1)
        train = [replace(bag, label=int(label)) for bag, label in zip(planted(60, "train"), rng.permutation(60) % 2, strict=True)]
        weights = train_receptor_head(train, planted(20, "validation"), replace(quick, max_epochs=6)).weights
        assert abs(patient_auroc(weights, planted(100, "test")) - 0.5) < 0.35

    def test_features_of_other_length_and_scale_are_learned_from_as_well(self, planted, quick):
        train, validation, test = (
            [replace(bag, features=500 + 40 * bag.features.astype(np.float32)) for bag in planted(n, name, n_features=96)]
            for n, name in ((60, "train"), (30, "validation"), (60, "test"))
        )
        assert patient_auroc(train_receptor_head(train, validation, quick).weights, test) > 0.9


class TestWhatDecides:
    def test_the_head_has_4113_parameters(self, outcome):
        assert n_parameters(head_of(outcome.weights)) == 4113

    def test_the_weights_are_those_of_the_best_epoch_on_validation_patients(self, outcome, planted):
        curve = outcome.curve
        best = curve.sort_values(["validation_auroc", "validation_loss", "epoch"], ascending=[False, True, True]).iloc[0]
        assert outcome.best_epoch == best["epoch"]
        assert patient_auroc(outcome.weights, planted(30, "validation")) == pytest.approx(best["validation_auroc"], abs=0.01)

    def test_it_ends_when_the_best_epoch_is_far_behind(self, planted, quick):
        train, validation = planted(8, "train"), planted(6, "validation")
        outcome = train_receptor_head(train, validation, replace(quick, patience=2, lr=0.05, max_epochs=100))
        assert outcome.ending == "patience"
        assert len(outcome.curve) == outcome.best_epoch + 3

    def test_it_ends_at_the_latest_after_the_last_epoch(self, planted, quick):
        outcome = train_receptor_head(planted(8, "train"), planted(6, "validation"), replace(quick, max_epochs=2))
        assert (outcome.ending, len(outcome.curve)) == ("max_epochs", 2)

    def test_validation_patients_choose_the_epoch_and_change_no_step(self, planted, quick):
        spec = replace(quick, max_epochs=3)
        train, validation = planted(8, "train"), planted(6, "validation")
        turned = [replace(bag, features=-3 * bag.features) for bag in validation]
        first, second = (train_receptor_head(train, bags, spec).curve["train_loss"] for bags in (validation, turned))
        pd.testing.assert_series_equal(first, second)

    def test_a_rare_class_keeps_the_cut_at_zero(self, planted, quick):
        train, validation = planted(80, "train"), planted(30, "validation")
        rare = [bag for bag in train if bag.label == 0 or int(bag.patient_id.split("-")[1]) % 8 == 1]
        means = {}
        for balance in ("class", "none"):
            head = head_of(train_receptor_head(rare, validation, replace(quick, balance=balance)).weights)
            means[balance] = np.mean([head_scores(head, bag.features) for bag in planted(20, "test")])
        assert abs(means["class"]) < abs(means["none"]) - 0.1

    def test_progress_hears_of_every_epoch(self, planted, quick):
        heard = []
        spec = replace(quick, max_epochs=2)
        train_receptor_head(planted(8, "train"), planted(6, "validation"), spec, progress=lambda *line: heard.append(line))
        assert [epoch for epoch, _ in heard] == [0, 1]
        assert heard[0][1].keys() == {"epoch", "train_loss", "validation_loss", "validation_auroc", "is_best"}


class TestSameBytes:
    def trained(self, planted, quick, **changes):
        spec = replace(quick, max_epochs=3, **changes)
        return train_receptor_head(planted(10, "train"), planted(6, "validation"), spec).weights

    def test_the_same_seed_gives_the_same_weights(self, planted, quick):
        assert same_bytes(self.trained(planted, quick), self.trained(planted, quick))

    def test_the_number_of_threads_changes_nothing_and_is_left_as_it_was(self, planted, quick):
        before = torch.get_num_threads()
        first = self.trained(planted, quick)
        torch.set_num_threads(3)
        try:
            assert same_bytes(first, self.trained(planted, quick))
            assert torch.get_num_threads() == 3
        finally:
            torch.set_num_threads(before)

    def test_the_order_of_the_bags_changes_nothing(self, planted, quick):
        spec = replace(quick, max_epochs=3)
        train, validation = planted(10, "train"), planted(6, "validation")
        first = train_receptor_head(train, validation, spec)
        assert same_bytes(first.weights, train_receptor_head(train[::-1], validation[::-1], spec).weights)

    @pytest.mark.parametrize("changes", [{"seed": 1}, {"stream": ("ER", 0)}])
    def test_another_seed_or_stream_gives_others(self, planted, quick, changes):
        assert not same_bytes(self.trained(planted, quick), self.trained(planted, quick, **changes))

    def test_the_global_generator_of_torch_is_left_alone(self, planted, quick):
        before = torch.get_rng_state()
        self.trained(planted, quick)
        assert torch.equal(torch.get_rng_state(), before)


class TestRefusals:
    def refused(self, planted, quick, match, *, train=None, validation=None):
        with pytest.raises(TrainingError, match=match):
            train_receptor_head(train or planted(6, "train"), validation or planted(6, "validation"), quick)

    def test_of_training_patients_of_one_class(self, planted, quick):
        self.refused(planted, quick, "training patients are 3 negative and 0 positive", train=planted(6, "train")[::2])

    def test_of_validation_patients_of_one_class(self, planted, quick):
        self.refused(planted, quick, "validation patients are 0 negative", validation=planted(6, "validation")[1::2])

    def test_of_no_patients(self, planted, quick):
        with pytest.raises(TrainingError, match="training patients are 0 negative and 0 positive"):
            train_receptor_head([], planted(6, "validation"), quick)

    def test_of_an_empty_bag(self, planted, quick):
        empty = Bag("nobody", np.empty((0, 512), np.float16), 1)
        self.refused(planted, quick, "patient nobody is empty", train=[*planted(6, "train"), empty])

    def test_of_features_that_are_no_numbers(self, planted, quick):
        bags = planted(6, "train")
        bags[2].features[7, 3] = np.nan
        self.refused(planted, quick, r"train-2: the features of 1 of 60 tiles .*first: tile 7", train=bags)

    def test_of_features_of_different_lengths(self, planted, quick):
        self.refused(planted, quick, "has 96 features per tile, others have 512", validation=planted(6, "v", n_features=96))

    def test_of_integers(self, planted, quick):
        bag = Bag("whole", np.zeros((3, 512), np.int64), 1)
        self.refused(planted, quick, "must be .* of floating point. Got int64", train=[*planted(6, "train"), bag])

    def test_of_labels_other_than_0_and_1(self, planted, quick):
        self.refused(planted, quick, "has the label -1", train=[replace(planted(1, "train")[0], label=-1), *planted(6, "x")])

    def test_of_a_patient_in_training_and_validation(self, planted, quick):
        both = [*planted(6, "validation"), planted(1, "train")[0]]
        self.refused(planted, quick, "patient train-0 has 2 bags .* split by patient", validation=both)

    def test_of_steps_so_large_that_nothing_is_a_number_any_more(self, planted, quick):
        with pytest.raises(TrainingError, match="no longer numbers; lower 'lr'"):
            train_receptor_head(planted(20, "train"), planted(6, "validation"), replace(quick, lr=1e30))

    @pytest.mark.parametrize(
        "changes",
        [{"lr": 0.0}, {"weight_decay": -1.0}, {"patience": 0}, {"tiles_per_bag": 0}, {"balance": "tiles"}, {"n_hidden": 0}],
    )
    def test_of_a_recipe_that_makes_no_sense(self, changes):
        with pytest.raises(ConfigError, match=f"'{next(iter(changes))}' parameter of a head's training"):
            HeadTraining(**changes)
