import dataclasses

import numpy as np
import pytest

from cartopath.core.errors import TrainingError
from cartopath.training import Example, SlideTiles, TrainingSpec
from cartopath.training.preconditions import check_examples


@pytest.fixture
def sets(planted):
    return planted(n_slides=4), planted(n_slides=4, prefix="validation")


def test_good_sets_pass(sets, network):
    check_examples(*sets, network, TrainingSpec())


def test_a_patient_on_both_sides_is_refused(sets, network):
    train, validation = sets
    leaking = Example(dataclasses.replace(validation[0].slide, patient_id=train[0].slide.patient_id), 0)
    with pytest.raises(TrainingError, match=r"1 patients are in training and in validation \(patient-train-0\)"):
        check_examples(train, [leaking, *validation[1:]], network, TrainingSpec())


def test_a_slide_named_twice_is_refused(sets, network):
    train, validation = sets
    with pytest.raises(TrainingError, match="the training slides name train-0 2 times"):
        check_examples([*train, train[0]], validation, network, TrainingSpec())


def test_tiles_of_another_size_are_refused(sets, network):
    with pytest.raises(TrainingError, match="slide train-0 has 16 px tiles, the network takes 32 px"):
        check_examples(*sets, dataclasses.replace(network, size_px=32), TrainingSpec())


def test_training_needs_both_classes(sets, network):
    train, validation = sets
    with pytest.raises(TrainingError, match="training slides with tiles are 2 negative and 0 positive; training needs both"):
        check_examples(train[::2], validation, network, TrainingSpec())


def test_a_validation_of_one_class_is_refused_unless_the_loss_decides(sets, network):
    train, validation = sets
    with pytest.raises(TrainingError, match="0 negative and 2 positive; the checkpoint metric 'slide_auroc' needs both"):
        check_examples(train, validation[1::2], network, TrainingSpec())
    check_examples(train, validation[1::2], network, TrainingSpec(checkpoint_metric="loss"))


def test_an_empty_validation_is_refused_even_then(sets, network):
    with pytest.raises(TrainingError, match="validation slides with tiles are 0 negative and 0 positive; validation needs some"):
        check_examples(sets[0], [], network, TrainingSpec(checkpoint_metric="loss"))


def test_a_label_is_zero_or_one(sets):
    with pytest.raises(TrainingError, match=r"slide train-0: 'label' must be 0 or 1. Got 2"):
        Example(sets[0][0].slide, 2)


def test_coordinates_come_in_pairs():
    with pytest.raises(TrainingError, match=r"slide s: 'xy_px0' must have shape \(n_tiles, 2\). Got \(3,\)"):
        SlideTiles(slide_id="s", patient_id="p", path="s.svs", xy_px0=np.zeros(3), window_px0=1, size_px=1)
