import numpy as np
import pytest
import torch

from cartopath.core.errors import ArtifactError, ConfigError
from cartopath.models import NetworkSpec, build_network, load_weights, n_parameters, weights_of

TINY = NetworkSpec(backbone="test_resnet", size_px=32)


@pytest.fixture
def tiles():
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 3, 32, 32), dtype=np.uint8))


def with_random_output(network):
    torch.nn.init.normal_(network.backbone.get_classifier().weight, generator=torch.Generator().manual_seed(0))
    return network.eval()


def test_a_tile_gives_one_logit(tiles):
    assert build_network(TINY)(tiles).shape == (3,)


def test_every_tile_starts_at_probability_one_half(tiles):
    assert build_network(TINY)(tiles).tolist() == [0.0, 0.0, 0.0]


def test_eight_bit_tiles_and_their_255th_give_the_same_logits(tiles):
    network = with_random_output(build_network(TINY))
    torch.testing.assert_close(network(tiles), network(tiles.float() / 255), rtol=1e-4, atol=1e-4)


def test_imagenet_range_standardizes_each_channel(tiles):
    plain = with_random_output(build_network(TINY))
    imagenet = with_random_output(build_network(NetworkSpec(backbone="test_resnet", size_px=32, input_range="imagenet")))
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    standardized = (tiles.float() / 255 - mean) / std
    torch.testing.assert_close(imagenet(tiles), plain(standardized), rtol=1e-4, atol=1e-4)


def test_the_pool_is_the_one_asked_for():
    tiles = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    for pool, expected in (("max", torch.amax), ("avg", torch.mean)):
        network = with_random_output(build_network(NetworkSpec(backbone="test_resnet", size_px=64, pool=pool)))
        features = network.backbone.forward_features(tiles)
        logits = network.backbone.get_classifier()(expected(features, dim=(2, 3))).flatten()
        torch.testing.assert_close(network(tiles), logits)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    first, again, other = (weights_of(build_network(TINY, seed=seed)) for seed in (1, 1, 2))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not all(np.array_equal(first[name], other[name]) for name in first)


def test_building_leaves_the_global_generator_of_torch_alone():
    before = torch.get_rng_state()
    build_network(TINY)
    assert torch.equal(before, torch.get_rng_state())


def test_scaling_constants_are_no_weights():
    assert all(name.startswith("backbone.") for name in weights_of(build_network(TINY)))


def test_a_transformer_is_built_for_the_size_of_the_tiles():
    network = build_network(NetworkSpec(backbone="test_vit", pool="avg", size_px=96))
    assert network(torch.zeros(1, 3, 96, 96, dtype=torch.uint8)).shape == (1,)


def test_inception_is_the_one_of_the_paper():
    network = build_network(NetworkSpec())
    assert network.backbone.global_pool.pool_type == "max"
    assert network.backbone.AuxLogits is None
    assert network.backbone.get_classifier().weight.shape == (1, 2048)
    assert n_parameters(network) == 21_787_617


def test_an_unknown_backbone_is_refused_with_the_closest_names():
    with pytest.raises(ConfigError, match=r"no backbone 'inception_v5' \(closest: .*inception_v3"):
        build_network(NetworkSpec(backbone="inception_v5"))


def test_a_pool_that_the_backbone_lacks_is_refused():
    with pytest.raises(ConfigError, match=r"timm cannot build 'levit_128s' .* 'max' pooling"):
        build_network(NetworkSpec(backbone="levit_128s", size_px=224))


def test_loaded_weights_give_the_same_logits(tiles):
    source = with_random_output(build_network(TINY, seed=3))
    copy = build_network(TINY, seed=4).eval()
    load_weights(copy, weights_of(source), source="x")
    assert torch.equal(source(tiles), copy(tiles))


def test_weights_of_another_network_are_refused():
    with pytest.raises(ArtifactError, match=r"here.safetensors: misses .* of the network's"):
        load_weights(build_network(TINY), weights_of(build_network(NetworkSpec(backbone="lcnet_035"))), source="here.safetensors")


def test_weights_of_another_shape_are_refused():
    weights = weights_of(build_network(TINY))
    name = next(iter(weights))
    with pytest.raises(ArtifactError, match=f"{name} has shape"):
        load_weights(build_network(TINY), {**weights, name: weights[name][1:]}, source="x")
