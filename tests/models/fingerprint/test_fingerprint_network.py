"""The fingerprint network, its loss and the receptor head, against closed forms (F43, F44, F52)."""

import dataclasses
import math
import subprocess
import sys

import pytest
import torch

from cartopath.core.errors import ConfigError
from cartopath.models import load_weights, n_parameters, weights_of
from cartopath.models.fingerprint import (
    FingerprintSpec,
    ReceptorHead,
    build_fingerprint_network,
    fingerprint_loss,
    style_distance,
)

TINY = FingerprintSpec(backbone="test_resnet", size_px=32)


def tiles(n=3, size=32, seed=0):
    return torch.randint(0, 256, (n, 3, size, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def test_the_receptor_head_has_4113_parameters():
    assert n_parameters(ReceptorHead()) == 4113


def test_a_receptor_score_lies_between_minus_one_and_one():
    scores = ReceptorHead()(100 * torch.randn(5, 7, 512)).detach()
    assert scores.shape == (5, 7)
    assert -1 <= float(scores.min()) < float(scores.max()) <= 1


def test_heads_of_one_seed_are_alike_and_leave_the_generator_alone():
    before = torch.random.get_rng_state()
    first, second, other = ReceptorHead(seed=1), ReceptorHead(seed=1), ReceptorHead(seed=2)
    assert torch.equal(torch.random.get_rng_state(), before)
    weights = [head.layers[0].weight for head in (first, second, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_resnet34_gives_512_features_without_another_layer():
    network = build_fingerprint_network(FingerprintSpec(size_px=32), n_pieces=207)
    assert isinstance(network.projection, torch.nn.Identity)
    fingerprints, logits = network.eval()(tiles())
    assert (fingerprints.shape, logits.shape) == ((3, 512), (3, 207))
    assert n_parameters(network) == 21_284_672 + 512 * 207 + 207


def test_other_backbones_are_brought_to_512_features():
    network = build_fingerprint_network(TINY, n_pieces=4).eval()
    fingerprints, logits = network(tiles())
    assert (fingerprints.shape, logits.shape) == ((3, 512), (3, 4))
    assert torch.equal(network.identify(network.fingerprint(tiles())), logits)


def test_weights_follow_from_the_seed():
    first, same, other = (build_fingerprint_network(TINY, n_pieces=4, seed=seed).classifier.weight for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_bytes_and_fractions_give_the_same_fingerprint():
    network = build_fingerprint_network(TINY, n_pieces=4).eval()
    assert torch.allclose(network.fingerprint(tiles()), network.fingerprint(tiles().float() / 255), atol=1e-5)


def test_a_grey_network_sees_no_colour():
    network = build_fingerprint_network(FingerprintSpec(backbone="test_resnet", size_px=32, colour="grey"), n_pieces=4).eval()
    coloured = tiles().float() / 255
    grey = (coloured * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(dim=1, keepdim=True).expand(-1, 3, -1, -1)
    assert torch.allclose(network.fingerprint(coloured), network.fingerprint(grey), atol=1e-5)
    rgb = build_fingerprint_network(TINY, n_pieces=4).eval()
    assert not torch.allclose(rgb.fingerprint(coloured), rgb.fingerprint(grey), atol=1e-2)


def test_identical_fingerprints_are_at_distance_zero():
    fingerprints = torch.randn(6, 512)
    assert style_distance(fingerprints, fingerprints).tolist() == [0.0] * 6


def test_opposite_fingerprints_are_at_distance_four_and_orthogonal_ones_at_two():
    first = torch.tensor([[3.0, 0.0], [3.0, 0.0]])
    second = torch.tensor([[-1.0, 0.0], [0.0, 7.0]])
    assert style_distance(first, second).tolist() == pytest.approx([4.0, 2.0])


def test_the_distance_is_two_minus_two_cosines():
    first, second = torch.randn(20, 512), torch.randn(20, 512)
    expected = 2 - 2 * torch.nn.functional.cosine_similarity(first, second)
    assert torch.allclose(style_distance(first, second), expected, atol=1e-5)


def test_the_length_of_a_fingerprint_does_not_matter():
    first, second = torch.randn(5, 512), torch.randn(5, 512)
    assert torch.allclose(style_distance(first, second), style_distance(1000 * first, 0.001 * second), atol=1e-5)


def test_the_loss_adds_both_cross_entropies_and_half_the_distance():
    uniform = torch.zeros(2, 10)
    first, second = torch.tensor([[1.0, 0.0]] * 2), torch.tensor([[0.0, 1.0]] * 2)
    piece = torch.tensor([3, 4])
    assert float(fingerprint_loss((first, uniform), (second, uniform), piece)) == pytest.approx(2 * math.log(10) + 0.5 * 2)
    assert float(fingerprint_loss((first, uniform), (second, uniform), piece, gamma=0.0)) == pytest.approx(2 * math.log(10))
    assert float(fingerprint_loss((first, uniform), None, piece)) == pytest.approx(math.log(10))


def test_the_distance_pulls_both_styles_together():
    first, second = torch.randn(4, 16, requires_grad=True), torch.randn(4, 16)
    style_distance(first, second).sum().backward()
    moved = first.detach() - 0.1 * first.grad
    assert (style_distance(moved, second) < style_distance(first, second)).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"colour": "hsv"}, "'colour' must be one of 'rgb', 'grey'"),
        ({"mpp": 0.0}, "'mpp' must be positive"),
        ({"size_px": 0}, "at least 1"),
    ],
)
def test_impossible_networks_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        FingerprintSpec(**changes)


def test_an_unknown_backbone_names_the_closest():
    with pytest.raises(ConfigError, match="resnet34"):
        build_fingerprint_network(FingerprintSpec(backbone="resnet43"), n_pieces=2)


def test_one_piece_cannot_be_told_apart():
    with pytest.raises(ConfigError, match="at least 2"):
        build_fingerprint_network(TINY, n_pieces=1)


def test_a_spec_survives_json():
    spec = FingerprintSpec(backbone="resnet18", colour="grey", mpp=1.0)
    assert FingerprintSpec.from_dict(spec.to_dict()) == spec
    with pytest.raises(ConfigError, match="unknown key 'zoom'"):
        FingerprintSpec.from_dict({**spec.to_dict(), "zoom": 1})
    with pytest.raises(ConfigError, match="'pretrained' must be of type bool"):
        FingerprintSpec.from_dict({**spec.to_dict(), "pretrained": 1})


def test_a_description_from_before_batch_normalisation_is_one_without_it():
    described = FingerprintSpec(mpp=1.0).to_dict()
    del described["batch_norm"]
    assert FingerprintSpec.from_dict(described) == FingerprintSpec(mpp=1.0, batch_norm=False)


def test_a_part_that_all_fingerprints_have_in_common_is_kept_from_a_batch_normalised_classifier():
    plain, normalised = (
        build_fingerprint_network(dataclasses.replace(TINY, batch_norm=batch_norm), n_pieces=3) for batch_norm in (False, True)
    )
    fingerprints = plain.fingerprint(tiles(16)).detach()
    shifted = 3 * fingerprints + 100
    assert torch.allclose(normalised.identify(fingerprints), normalised.identify(shifted), atol=0.05)
    assert not torch.allclose(plain.identify(fingerprints), plain.identify(shifted), atol=1.0)
    assert torch.equal(normalised.fingerprint(tiles(16)), plain.fingerprint(tiles(16)))


def test_a_part_that_all_fingerprints_have_in_common_does_not_shorten_the_distance_of_styles_that_is_learned():
    network = build_fingerprint_network(dataclasses.replace(TINY, batch_norm=True), n_pieces=3)
    with torch.no_grad():
        before, _ = network.learn(tiles(16))
        network.projection.bias += 100.0
        seen, logits = network.learn(tiles(16))
        fingerprints, same_logits = network(tiles(16))
    assert float(style_distance(fingerprints[:8], fingerprints[8:]).max()) < 1e-3
    assert float(style_distance(seen[:8], seen[8:]).min()) > 0.5
    assert torch.allclose(seen, before, atol=1e-2)
    assert torch.equal(logits, same_logits)


def test_without_batch_normalisation_fingerprints_are_learned_as_they_are():
    network = build_fingerprint_network(TINY, n_pieces=3).eval()
    for learned, given in zip(network.learn(tiles()), network(tiles()), strict=True):
        assert torch.equal(learned, given)


def test_the_averages_of_a_batch_normalised_classifier_travel_with_the_weights():
    network, other = (build_fingerprint_network(dataclasses.replace(TINY, batch_norm=True), n_pieces=3, seed=s) for s in (0, 1))
    network(tiles(16))
    load_weights(other, weights_of(network), source="a test")
    assert torch.equal(network.eval()(tiles(4))[1], other.eval()(tiles(4))[1])


def test_importing_the_package_imports_no_torch():
    code = "import sys, cartopath.models.fingerprint; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "False\n"
