"""A multiple-instance head on disk: it predicts as before, and is refused when it is not what its card says."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from tests.training.mil.conftest import N_FEATURES, QUICK

from cartopath.core.errors import BundleError
from cartopath.models.mil import MilSpec
from cartopath.store.artifacts import Header, read_json, write_json
from cartopath.store.weights import read_arrays, write_arrays
from cartopath.training.mil import Job, MilEncoder, predict_bag, read_mil_bundle, read_mil_card, train_heads, write_mil_bundle

ENCODER = MilEncoder(name="own", sha256="abc", folder="../encoder_0", details={"mpp": 0.5})


@pytest.fixture
def folder(tmp_path, attention):
    write_mil_bundle(tmp_path / "round_0", head=attention.head, encoder=ENCODER, card={"trait": "ESR1"}, key="k")
    return tmp_path / "round_0"


def assert_predicts_the_same(first, second, features) -> None:
    one, other = predict_bag(first, features), predict_bag(second, features)
    assert one.tile_values.tobytes() == other.tile_values.tobytes()
    assert one.weights.tobytes() == other.weights.tobytes()
    assert one.value == other.value


def test_it_predicts_bit_for_bit_as_the_head_that_was_written(folder, attention, planted):
    assert_predicts_the_same(read_mil_bundle(folder), attention, planted.bags[0].features)


def test_a_head_of_principal_components_takes_the_encoders_features(tmp_path, planted):
    recipe = replace(QUICK, components=4, max_epochs=1)
    outcome = train_heads(planted.bags, [Job("gene", planted.share, range(60))], MilSpec(n_features=N_FEATURES), recipe)[0]
    write_mil_bundle(tmp_path, head=outcome.head, encoder=ENCODER, card={})
    assert read_mil_card(tmp_path).n_features == N_FEATURES
    assert_predicts_the_same(read_mil_bundle(tmp_path), outcome, planted.bags[0].features)


def test_its_card_names_its_encoder_and_carries_what_its_maker_recorded(folder, attention):
    card = read_mil_card(folder)
    assert card.encoder == ENCODER
    assert card.encoder_dir == folder.parent / "encoder_0"
    assert (card.card, card.spec) == ({"trait": "ESR1"}, attention.head.spec)


def test_an_encoder_known_by_name_alone_has_no_folder(tmp_path, attention):
    write_mil_bundle(tmp_path, head=attention.head, encoder=MilEncoder(name="uni"), card={})
    assert read_mil_card(tmp_path).encoder_dir is None


def test_the_card_is_read_without_torch(folder):
    program = f"""
import sys
from cartopath.training.mil import read_mil_card
read_mil_card({str(folder)!r})
print('torch' in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout == "False\n"


class TestWhatIsRefused:
    def test_a_folder_without_a_card(self, tmp_path):
        with pytest.raises(BundleError, match=r"holds no mil\.json"):
            read_mil_bundle(tmp_path)

    def test_weights_of_another_head(self, folder):
        arrays = read_arrays(folder / "weights.safetensors")
        write_arrays({**arrays, "head.value.bias": arrays["head.value.bias"] + 1}, folder / "weights.safetensors")
        with pytest.raises(BundleError, match="sha256"):
            read_mil_bundle(folder)

    def test_a_card_of_another_kind_of_head(self, folder):
        content = read_json(folder / "mil.json", "mil_head", version=1)
        content["spec"]["head"] = "gated_attention"
        write_json(content, folder / "mil.json", Header(kind="mil_head", version=1))
        with pytest.raises(BundleError, match=r"gate\.bias is missing"):
            read_mil_bundle(folder)

    def test_a_damaged_card(self, folder):
        content = read_json(folder / "mil.json", "mil_head", version=1)
        del content["encoder"]
        write_json(content, folder / "mil.json", Header(kind="mil_head", version=1))
        with pytest.raises(BundleError, match="encoder"):
            read_mil_card(folder)

    def test_a_bundle_of_a_newer_program(self, folder):
        write_json(read_json(folder / "mil.json", "mil_head", version=1), folder / "mil.json", Header(kind="mil_head", version=2))
        with pytest.raises(BundleError):
            read_mil_card(folder)


def test_the_same_head_is_the_same_bytes(folder, tmp_path, attention):
    write_mil_bundle(tmp_path / "again", head=attention.head, encoder=ENCODER, card={"trait": "ESR1"}, key="k")
    assert np.array_equal(
        np.frombuffer((folder / "weights.safetensors").read_bytes(), np.uint8),
        np.frombuffer((tmp_path / "again" / "weights.safetensors").read_bytes(), np.uint8),
    )
