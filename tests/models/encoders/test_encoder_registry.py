"""Encoders are found by name, and what their cards say holds together."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from cartopath.core.errors import ArtifactError, ConfigError
from cartopath.models.encoders import ENCODERS, build_encoder, build_timm, find_encoder, timm_card

MILLIONS = {
    "uni": 303.35,
    "uni2-h": 681.39,
    "virchow2": 631.24,
    "prov-gigapath": 1134.95,
    "h-optimus-0": 1134.77,
    "h0-mini": 85.74,
    "phikon": 85.80,
    "hibou-l": 303.66,
    "midnight-12k": 1134.77,
    "ctranspath": 27.52,
}
"""Parameters of the published networks; Midnight's are published with places for 518 px tiles, two millions more."""


def test_the_registry_is_read_without_torch():
    program = """
import sys
from cartopath.models.encoders import find_encoder
assert find_encoder("uni").n_features == 1024
assert "torch" not in sys.modules and "timm" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("spelling", ["uni2-h", "UNI2-h", "uni2_h", "UNI 2 h"])
def test_names_are_found_however_they_are_spelt(spelling):
    assert find_encoder(spelling).repository == "MahmoodLab/UNI2-h"


def test_an_unknown_name_is_answered_with_the_closest():
    with pytest.raises(ConfigError, match=r"no encoder 'virchow3' \(closest: .*virchow2"):
        find_encoder("virchow3")


def test_every_card_says_where_its_weights_are_and_who_may_use_them():
    for card in ENCODERS.values():
        assert card.repository or "https://" in card.reference, card.name
        assert card.licence, card.name
        assert card.reference, card.name
        assert card.size_um == pytest.approx(card.size_px * card.mpp)


@pytest.mark.parametrize(("name", "millions"), MILLIONS.items())
def test_networks_are_as_large_as_the_published_ones_and_give_as_many_features(name, millions):
    card = find_encoder(name)
    with torch.device("meta"), torch.no_grad():
        network = build_encoder(card).eval()
        assert network(torch.zeros(1, 3, card.size_px, card.size_px)).shape == (1, card.n_features)
    assert sum(value.numel() for value in network.parameters()) / 1e6 == pytest.approx(millions, abs=0.006)


@pytest.mark.parametrize(
    "change", [{"size_px": 0}, {"mpp": 0.0}, {"std": (0.2, 0.0, 0.2)}, {"output": "mean"}, {"layout": "keras"}]
)
def test_a_card_that_cannot_be_is_refused(change):
    with pytest.raises(ConfigError):
        replace(find_encoder("uni"), **change)


def test_a_model_of_timm_has_a_card_with_its_normalisation():
    card = timm_card("resnet18", size_px=64, mpp=1.0)
    assert (card.name, card.mean, card.size_px, card.mpp) == ("timm/resnet18", (0.485, 0.456, 0.406), 64, 1.0)
    assert card.repository == "timm/resnet18.a1_in1k"


def test_random_weights_come_from_their_seed():
    card = timm_card("test_vit", size_px=64)
    first, again, other = (build_timm(card, seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(value, again[name]) for name, value in first.items())
    assert not all(torch.equal(value, other[name]) for name, value in first.items())


@pytest.mark.parametrize("name", ["test_resnet", "test_vit"])
def test_published_weights_of_timm_lose_their_classifier(name):
    import timm

    card = timm_card(name, size_px=160)
    whole = timm.create_model(name).eval()
    network = build_timm(card, whole.state_dict(), source="a file")
    x = torch.rand(2, 3, 160, 160)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (card.mean, card.std))
    with torch.no_grad():
        expected = whole.forward_head(whole.forward_features((x - mean) / std), pre_logits=True)
        torch.testing.assert_close(network(x), expected, rtol=1e-4, atol=1e-5)


def test_weights_of_another_model_of_timm_are_refused():
    import timm

    with pytest.raises(ArtifactError, match="a file: no weights of test_resnet"):
        build_timm(timm_card("test_resnet"), timm.create_model("test_vit").state_dict(), source="a file")


def test_a_model_that_timm_does_not_have_is_answered_with_the_closest():
    with pytest.raises(ConfigError, match=r"has no model 'resnet19' \(closest: .*resnet18"):
        timm_card("resnet19")
