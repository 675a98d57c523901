"""Studies with an encoder of the registry: it is named, not copied, and only its own weights count."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cartopath.core.errors import BundleError, ConfigError
from cartopath.methods.encoding import registered
from cartopath.methods.encoding.check import encoder_findings
from cartopath.methods.encoding.embedding import tile_features
from cartopath.models.encoders import ENCODERS
from cartopath.study.study_file import parse_config
from cartopath.training.encoding import EncodingCard

NAME = next(iter(ENCODERS))


class Fake:
    """Stands in for a loaded encoder: features are the mean colours of tiles."""

    def __init__(self, card: EncodingCard) -> None:
        self.card = card

    def encode(self, batches: Any, **_: Any) -> np.ndarray:
        return np.concatenate([batch.mean(axis=(1, 2)) for batch in batches]).astype(np.float32)


@pytest.fixture
def fake_weights(monkeypatch):
    known = ENCODERS[NAME]
    card = EncodingCard(name=NAME, sha256="a" * 64, n_features=3, size_px=known.size_px, mpp=known.mpp, licence="MIT")
    asked: list[dict[str, Any]] = []

    def load(name: str, **options: Any) -> Fake:
        asked.append({"name": name, **options})
        return Fake(card)

    monkeypatch.setattr(registered, "load_encoder", load)
    monkeypatch.setattr("cartopath.methods.encoding.embedding.LoadedEncoder", Fake)
    return asked


def config(**tiles: Any):
    return parse_config({"traits": ["MKI67"], "method": {"name": "attention", "encoder": NAME}, "tiles": tiles})


def test_only_its_name_and_its_weights_are_noted(fake_weights, tmp_path):
    registered.write_registered(tmp_path, NAME, mpp=0.5, key="k")
    assert [path.name for path in tmp_path.iterdir()] == ["registered.json"]
    assert registered.read_registered(tmp_path).sha256 == "a" * 64


def test_its_features_come_from_this_machine_alone(fake_weights, tmp_path, monkeypatch):
    registered.write_registered(tmp_path, NAME, mpp=0.5, key="k")
    tiles = [np.full((2, 8, 8, 3), 7, np.uint8)]
    monkeypatch.setattr("cartopath.methods.encoding.embedding.tile_batches", lambda source, size: tiles)

    class Source:
        size_px, slide_id = 8, "s"

    features, name = tile_features(tmp_path, Source(), batch_size=2, device="cpu", precision="auto", threads=1)  # type: ignore[arg-type]
    assert (features == 7).all()
    assert name == NAME
    assert fake_weights[-1]["offline"] is True


def test_other_weights_under_its_name_are_refused(fake_weights, tmp_path, monkeypatch):
    card = registered.write_registered(tmp_path, NAME, mpp=0.5, key="k")
    assert card.sha256 == "a" * 64
    load = registered.load_encoder
    other = load(NAME)
    monkeypatch.setattr(registered, "load_encoder", lambda *_, **__: Fake(replace(other.card, sha256="b" * 64)))
    with pytest.raises(BundleError, match="are bbbbbbbbbbbb, the study learned from aaaaaaaaaaaa"):
        registered.load_registered(tmp_path)


def test_tiles_of_another_size_are_found_by_a_check(tmp_path):
    (finding,) = encoder_findings(config(size_px=100, mpp=0.5), tmp_path)
    assert f"{NAME} takes tiles of {ENCODERS[NAME].size_px} px" in finding.message


def test_its_own_tiles_are_fine(tmp_path):
    known = ENCODERS[NAME]
    assert not list(encoder_findings(config(size_px=known.size_px, mpp=known.mpp), tmp_path))


def test_a_name_that_is_not_registered_is_a_folder_that_is_not_there(tmp_path):
    content = {"traits": ["MKI67"], "method": {"name": "attention", "encoder": "unis"}}
    (finding,) = encoder_findings(parse_config(content), tmp_path)
    assert "no folder" in finding.message
    assert "cartopath embed --list" in finding.message


def test_attention_needs_an_encoder():
    with pytest.raises(ConfigError, match="attention needs an encoder"):
        parse_config({"traits": ["MKI67"], "method": {"name": "attention", "encoder": "none"}})
