import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from cartopath.core.errors import BundleError
from cartopath.models import NetworkSpec, build_network, weights_of
from cartopath.training import read_bundle, read_card, write_bundle

SPEC = NetworkSpec(backbone="test_resnet", size_px=32)
CARD = {"trait": "MKI67", "tile_um": 16.0, "stain": {"mean_rgb": [200.5, 150.0, 180.0]}}


@pytest.fixture
def weights():
    network = build_network(SPEC, seed=5)
    torch.nn.init.normal_(network.backbone.get_classifier().weight, generator=torch.Generator().manual_seed(0))
    return weights_of(network)


@pytest.fixture
def folder(tmp_path, weights):
    write_bundle(tmp_path / "model", network=SPEC, weights=weights, card=CARD, key="abc")
    return tmp_path / "model"


def edit_card(folder, change):
    path = folder / "model.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_a_bundle_gives_the_network_its_spec_and_its_card_back(folder, weights):
    bundle = read_bundle(folder)
    assert bundle.spec == SPEC
    assert bundle.card == CARD
    assert not bundle.network.training
    read = weights_of(bundle.network)
    assert all(np.array_equal(read[name], weights[name]) for name in weights)


def test_a_bundle_predicts_as_the_network_it_was_made_of(folder, weights):
    from cartopath.models import load_weights

    original = build_network(SPEC).eval()
    load_weights(original, weights, source="x")
    tiles = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(read_bundle(folder).network(tiles), original(tiles))


def test_a_bundle_is_two_files_without_pickles(folder):
    assert sorted(path.name for path in folder.iterdir()) == ["model.json", "weights.safetensors"]


def test_equal_weights_give_equal_bytes(folder, tmp_path, weights):
    write_bundle(tmp_path / "again", network=SPEC, weights=weights, card=CARD, key="abc")
    for name in ("model.json", "weights.safetensors"):
        assert (folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_a_bundle_can_be_replaced(folder):
    other = weights_of(build_network(SPEC, seed=6))
    write_bundle(folder, network=SPEC, weights=other, card={})
    assert read_bundle(folder).card == {}


def test_reading_the_card_imports_no_torch(folder):
    read = f"read_card({str(folder)!r})[1]['trait']"
    code = f"import sys; from cartopath.training import read_card; print({read}, 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "MKI67 False\n"


def test_published_weights_are_never_downloaded_by_reading(tmp_path, weights, monkeypatch):
    from cartopath.models import classifier

    asked = []
    real = classifier.build_network
    monkeypatch.setattr(classifier, "build_network", lambda spec: asked.append(spec.pretrained) or real(spec))
    pretrained = NetworkSpec(backbone="test_resnet", size_px=32, pretrained=True)
    write_bundle(tmp_path / "model", network=pretrained, weights=weights, card={})
    assert read_bundle(tmp_path / "model").spec.pretrained
    assert asked == [False]


def test_a_folder_that_does_not_exist_is_no_bundle(tmp_path):
    with pytest.raises(BundleError, match="nowhere: no model bundle: it is not a folder"):
        read_bundle(tmp_path / "nowhere")


def test_a_folder_without_a_card_is_no_bundle(tmp_path):
    with pytest.raises(BundleError, match=r"holds no model.json; give the folder that training wrote"):
        read_bundle(tmp_path)


def test_missing_weights_are_named(folder):
    (folder / "weights.safetensors").unlink()
    with pytest.raises(BundleError, match=r"weights\.safetensors: missing"):
        read_bundle(folder)


def test_one_changed_bit_of_the_weights_is_noticed(folder):
    path = folder / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(BundleError, match="damaged, or of another bundle"):
        read_bundle(folder)


def test_a_truncated_card_is_damaged(folder):
    path = folder / "model.json"
    path.write_text(path.read_text()[:50])
    with pytest.raises(BundleError, match=r"model\.json: unusable"):
        read_bundle(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda card: card.pop("network"), "missing or misshapen 'network'"),
        (lambda card: card.update(network=3), "damaged"),
        (lambda card: card.update(card=[]), "'card' must be an object"),
        (lambda card: card["network"].update(pool="median"), "'pool' must be one of"),
        (lambda card: card["header"].update(kind="tiles"), "expected kind 'model', found 'tiles'"),
        (lambda card: card["header"].update(version=99), "newer than 1; update cartopath"),
        (lambda card: card.pop("header"), "header"),
    ],
)
def test_a_misshapen_card_is_refused(folder, change, message):
    edit_card(folder, change)
    with pytest.raises(BundleError, match=message):
        read_card(folder)


@pytest.mark.parametrize(
    ("backbone", "message"), [("resnet_of_tomorrow", "no backbone 'resnet_of_tomorrow'"), ("lcnet_035", "not made for it")]
)
def test_weights_that_do_not_fit_the_network_are_refused(folder, backbone, message):
    edit_card(folder, lambda card: card["network"].update(backbone=backbone))
    with pytest.raises(BundleError, match=message):
        read_bundle(folder)
