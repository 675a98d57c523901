"""A head on disk: it scores as before, names its encoder, and is refused when it is not what its card says."""

from __future__ import annotations

import shutil
import subprocess
import sys

import numpy as np
import pytest

from cartopath.core.errors import BundleError, TrainingError
from cartopath.models import weights_of
from cartopath.models.fingerprint import FingerprintSpec, ReceptorHead, build_fingerprint_network
from cartopath.store.artifacts import Header, read_json, write_json
from cartopath.store.hashing import file_sha256
from cartopath.training.fingerprint import read_fingerprint_card, write_fingerprint
from cartopath.training.heads import (
    HeadEncoder,
    head_of,
    head_scores,
    read_head_bundle,
    read_head_card,
    read_head_encoder,
    write_head_bundle,
)

ENCODER = FingerprintSpec(backbone="test_resnet", size_px=16, n_features=512)


@pytest.fixture
def study(tmp_path):
    """A folder with an encoder and a head that reads it, as in a study."""
    weights = weights_of(build_fingerprint_network(ENCODER, n_pieces=3, seed=1))
    pieces = {"pieces": ["a", "b", "c"], "patients": ["p", "q", "r"]}
    write_fingerprint(tmp_path / "encoder_0", spec=ENCODER, weights=weights, card={}, **pieces)
    sha256 = read_fingerprint_card(tmp_path / "encoder_0").weights_sha256
    encoder = HeadEncoder(name="own", sha256=sha256, network=ENCODER, folder="../../encoder_0")
    write_head_bundle(
        tmp_path / "ER" / "round_0", weights=weights_of(ReceptorHead(seed=3)), encoder=encoder, card={"trait": "ER"}, key="k"
    )
    return tmp_path


@pytest.fixture
def folder(study):
    return study / "ER" / "round_0"


def test_it_scores_as_the_head_that_was_written(folder):
    tiles = np.random.default_rng(0).normal(size=(9, 512)).astype(np.float16)
    np.testing.assert_array_equal(
        head_scores(read_head_bundle(folder).head, tiles), head_scores(head_of(weights_of(ReceptorHead(seed=3))), tiles)
    )


def test_the_card_is_read_without_torch(folder):
    program = f"""
import sys
from cartopath.training.heads import read_head_card
card = read_head_card({str(folder)!r})
assert (card.n_features, card.card, card.encoder.name, card.encoder.network.size_px) == (512, {{"trait": "ER"}}, "own", 16)
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_encoder_is_found_beside_it(folder, study):
    card = read_head_card(folder)
    assert card.encoder_dir == study / "encoder_0"
    assert read_head_encoder(card).card.weights_sha256 == card.encoder.sha256


def test_a_copied_study_finds_its_own_encoder(study, tmp_path_factory):
    copy = tmp_path_factory.mktemp("elsewhere") / "copy"
    shutil.copytree(study, copy)
    shutil.rmtree(study / "encoder_0")
    assert read_head_encoder(read_head_card(copy / "ER" / "round_0")).network.n_features == 512


def test_another_encoder_in_its_place_is_refused(folder, study):
    weights = weights_of(build_fingerprint_network(ENCODER, n_pieces=3, seed=2))
    write_fingerprint(study / "encoder_0", spec=ENCODER, weights=weights, pieces=[*"abc"], patients=[*"pqr"], card={})
    with pytest.raises(BundleError, match=r"learned from .*; copy the encoder that belongs to the head"):
        read_head_encoder(read_head_card(folder))


def test_an_encoder_given_by_name_alone_has_no_folder(tmp_path):
    encoder = HeadEncoder(name="timm/resnet50", sha256="0" * 64, network=ENCODER)
    write_head_bundle(tmp_path, weights=weights_of(ReceptorHead()), encoder=encoder, card={})
    card = read_head_card(tmp_path)
    assert card.encoder_dir is None
    with pytest.raises(BundleError, match="its encoder 'timm/resnet50' comes with no folder"):
        read_head_encoder(card)


def test_weights_that_were_changed_are_refused(folder):
    path = folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(BundleError, match="damaged, or of another bundle"):
        read_head_bundle(folder)


def test_weights_of_something_else_are_refused(folder, study):
    shutil.copy(study / "encoder_0" / "weights.safetensors", folder / "weights.safetensors")
    content = read_json(folder / "head.json", "receptor_head")
    content["weights_sha256"] = file_sha256(folder / "weights.safetensors")
    write_json(content, folder / "head.json", Header(kind="receptor_head"))
    with pytest.raises(BundleError, match="no weights of a receptor head"):
        read_head_bundle(folder)


def test_a_folder_without_a_card_is_no_bundle(tmp_path):
    with pytest.raises(BundleError, match=r"holds no head\.json"):
        read_head_bundle(tmp_path)


@pytest.mark.parametrize("key", ["encoder", "n_features", "weights_sha256", "card"])
def test_a_card_that_misses_something_is_damaged(folder, key):
    content = read_json(folder / "head.json", "receptor_head")
    del content[key]
    write_json(content, folder / "head.json", Header(kind="receptor_head"))
    with pytest.raises(BundleError, match=f"damaged: missing or misshapen '{key}'"):
        read_head_card(folder)


def test_scores_lie_between_minus_1_and_1_whatever_the_features():
    scores = head_scores(ReceptorHead(), 1e4 * np.random.default_rng(0).normal(size=(5000, 512)))
    assert scores.dtype == np.float32
    assert np.abs(scores).max() <= 1.0


def test_no_tiles_have_no_scores():
    assert head_scores(ReceptorHead(), np.empty((0, 512), np.float16)).shape == (0,)


def test_features_of_another_encoder_are_refused():
    with pytest.raises(TrainingError, match=r"takes \(n, 512\) features. Got \(4, 2048\)"):
        head_scores(ReceptorHead(), np.zeros((4, 2048), np.float32))
