"""Feeding a network of a moment. The same code measures a GPU; only `device` tells the two apart."""

import numpy as np
import pytest
import torch

from cartopath.benchmark.networks.feeding import _examples, _tiles, measure_network
from cartopath.benchmark.networks.fitting import _Batches
from cartopath.benchmark.networks.prediction import MEMORY, SLIDE, NetworkJob, measure_prediction
from cartopath.benchmark.sample import scaled_sample
from cartopath.models import NetworkSpec
from cartopath.slides import open_slide

NETWORK = NetworkSpec(backbone="test_resnet", size_px=64, pool="avg")


@pytest.fixture
def tiles(slide_40x):
    with open_slide(slide_40x) as slide:
        return _tiles(slide_40x, scaled_sample(slide, 64, 0.5, n_tiles=36), None, "a")


@pytest.fixture(scope="module")
def measured(slide_40x):
    return measure_network([slide_40x], NETWORK, mpp=0.5, threads=1, n_tiles=80, device="cpu", seconds=0.0, turn_seconds=0.05)


def test_prediction_and_training_are_lines_of_the_table(measured):
    rows, _ = measured
    assert [row.key for row in rows] == ["prediction_test_resnet_64", "training_test_resnet_64"]
    assert {(row.name, row.reference, row.goal, row.note) for row in rows} == {(SLIDE, MEMORY, 0.95, "cpu")}
    assert all(row.rate > 0 and row.reference_rate > 0 for row in rows)


def test_what_advice_needs_is_told(measured):
    rows, facts = measured
    assert facts.name == "test_resnet at 64 px"
    assert facts.device == "1 CPU threads"
    assert (facts.predict_share, facts.train_share) == tuple(row.ratio.median for row in rows)
    assert facts.predict_rate == rows[0].reference_rate
    assert facts.read_rate > 0


def test_a_turn_goes_through_the_tiles_again_where_they_are_few(tiles):
    job = NetworkJob(NETWORK, tiles, 1).with_tiles(100)
    assert job.tiles.n_tiles == 100
    assert np.array_equal(job.tiles.xy_px0[36:72], tiles.xy_px0)


def test_both_ways_of_predicting_have_the_same_work(tiles):
    found = measure_prediction(NetworkJob(NETWORK, tiles, 1, "cpu", turn_seconds=0.05), seconds=0.0)
    assert set(found.rates) == {SLIDE, MEMORY}
    assert found.ratio(SLIDE, MEMORY).median > 0.1


def test_the_threads_of_torch_are_as_before(tiles):
    before = torch.get_num_threads()
    measure_prediction(NetworkJob(NETWORK, tiles, before + 1, "cpu", turn_seconds=0.01), seconds=0.0)
    assert torch.get_num_threads() == before


def test_halves_of_a_single_slide_are_the_two_classes(tiles):
    examples = _examples([tiles])
    assert [example.label for example in examples] == [0, 1]
    assert sum(example.slide.n_tiles for example in examples) == 36
    assert len({example.slide.slide_id for example in examples}) == 2


def test_several_slides_take_turns_as_classes(tiles):
    assert [example.label for example in _examples([tiles] * 3)] == [0, 1, 0]


def test_a_loader_of_held_batches_can_be_walked_through_twice():
    batches = _Batches([{"a": torch.zeros(1)}] * 3)
    assert len(batches) == len(list(batches)) == len(list(batches)) == 3
