import numpy as np
import pytest
import torch
from torch import nn

from cartopath.core.errors import SlideError, TrainingError
from cartopath.models import NetworkSpec, build_network
from cartopath.training import predict_tiles


def random_network(backbone="test_resnet", seed=0, **options):
    network = build_network(NetworkSpec(backbone=backbone, size_px=32, **options), seed=seed)
    nn.init.normal_(network.backbone.get_classifier().weight, generator=torch.Generator().manual_seed(seed))
    return network


@pytest.fixture(scope="module")
def tiles():
    return np.random.default_rng(0).integers(0, 256, (23, 32, 32, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def networks():
    return [random_network(seed=0), random_network(seed=1, pool="avg")]


def split(tiles, size):
    return [tiles[start : start + size] for start in range(0, len(tiles), size)]


def test_there_is_one_probability_per_tile_and_network(networks, tiles):
    scores = predict_tiles(networks, split(tiles, 8), threads=1)
    assert scores.shape == (23, 2)
    assert scores.dtype == np.float32
    assert ((scores >= 0) & (scores <= 1)).all()


def test_the_probability_is_the_sigmoid_of_the_logit(networks, tiles):
    network = networks[0].eval()
    with torch.no_grad():
        expected = torch.sigmoid(network(torch.from_numpy(tiles).permute(0, 3, 1, 2))).numpy()
    np.testing.assert_allclose(predict_tiles([network], [tiles])[:, 0], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("size", [1, 5, 23])
def test_the_size_of_batches_changes_nothing_beyond_rounding(networks, tiles, size):
    np.testing.assert_allclose(
        predict_tiles(networks, split(tiles, size), threads=1), predict_tiles(networks, [tiles], threads=1), rtol=1e-4, atol=1e-6
    )


def test_the_other_tiles_of_a_batch_change_nothing_beyond_rounding(networks, tiles):
    other = np.concatenate([tiles[:4], 255 - tiles[4:]])
    first, second = (predict_tiles(networks, [batch])[:4] for batch in (tiles, other))
    np.testing.assert_allclose(first, second, rtol=1e-4, atol=1e-6)


def test_two_predictions_are_identical_to_the_bit(networks, tiles):
    first, second = (predict_tiles(networks, split(tiles, 8), threads=1) for _ in range(2))
    assert first.tobytes() == second.tobytes()


def test_dropout_plays_no_part_and_the_mode_is_given_back(tiles):
    network = nn.Sequential(random_network(), nn.Dropout(0.9)).train()
    first, second = (predict_tiles([network], [tiles], threads=1) for _ in range(2))
    assert first.tobytes() == second.tobytes()
    assert network.training


def test_prediction_leaves_weights_and_running_statistics_alone(tiles):
    network = random_network().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    predict_tiles([network], [tiles])
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


def test_several_networks_together_score_as_each_alone(networks, tiles):
    together = predict_tiles(networks, split(tiles, 8), threads=1)
    alone = [predict_tiles([network], split(tiles, 8), threads=1)[:, 0] for network in networks]
    assert np.array_equal(together, np.stack(alone, axis=1))


def test_batches_are_read_once_for_all_networks(networks, tiles):
    read = []

    def batches():
        for batch in split(tiles, 8):
            read.append(len(batch))
            yield batch

    predict_tiles(networks, batches())
    assert read == [8, 8, 7]


def test_no_tiles_give_no_scores(networks):
    assert predict_tiles(networks, iter([])).shape == (0, 2)


def test_an_error_while_reading_arrives_here(networks, tiles):
    def batches():
        yield tiles
        raise SlideError("slide.svs: damaged in the middle")

    with pytest.raises(SlideError, match="damaged in the middle"):
        predict_tiles(networks, batches())


def test_torch_is_left_as_it_was(networks, tiles):
    threads = torch.get_num_threads()
    predict_tiles(networks, [tiles], threads=1)
    assert torch.get_num_threads() == threads
    assert torch.is_grad_enabled()


def test_no_network_is_refused(tiles):
    with pytest.raises(TrainingError, match="at least one network"):
        predict_tiles([], [tiles])


def test_mixed_precision_on_a_cpu_is_refused(networks, tiles):
    with pytest.raises(TrainingError, match="precision 'bf16-mixed' needs a CUDA GPU, and this runs on 'cpu'"):
        predict_tiles(networks, [tiles], device="cpu", precision="bf16-mixed")


def test_an_unknown_precision_is_refused(networks, tiles):
    with pytest.raises(TrainingError, match="'precision' must be 'auto' or one of '32-true'"):
        predict_tiles(networks, [tiles], precision="64")
