"""Studies with an encoder of the registry: it is named, not copied, and only its own weights count."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from cartopath.core.errors import BundleError, ConfigError
from cartopath.methods.encoding import registered
from cartopath.methods.encoding.check import encoder_findings
from cartopath.methods.encoding.pretraining import refer_to_encoder
from cartopath.methods.encoding.tile_features import tile_features
from cartopath.models.encoders import ENCODERS, build_encoder, registry
from cartopath.models.encoders.pathology import UNI
from cartopath.models.torchvision_ops import timm_ready
from cartopath.study.study_file import parse_config
from cartopath.training.encoding import EncodingCard, hub

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
    monkeypatch.setattr("cartopath.methods.encoding.tile_features.LoadedEncoder", Fake)
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
    monkeypatch.setattr("cartopath.methods.encoding.tile_features.tile_batches", lambda source, size: tiles)

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
    assert not [
        one for one in encoder_findings(config(size_px=known.size_px, mpp=known.mpp), tmp_path) if one.severity == "error"
    ]


def test_weights_that_a_run_would_have_to_fetch_are_found_by_a_check(tmp_path, monkeypatch):
    known, cached = ENCODERS[NAME], tmp_path / "cached"
    settings = config(size_px=known.size_px, mpp=known.mpp)

    def fetched(card, *, offline):
        assert offline
        if not cached.exists():
            raise BundleError("not in the cache")
        return cached

    monkeypatch.setattr(hub, "fetch_weights", fetched)
    (finding,) = encoder_findings(settings, tmp_path)
    assert (finding.severity, finding.code, finding.subject) == ("warning", "weights-not-cached", "method.encoder")
    assert "method.weights" in finding.message
    cached.touch()
    assert not list(encoder_findings(settings, tmp_path))


def test_a_misspelt_encoder_is_told_the_closest(tmp_path):
    content = {"traits": ["MKI67"], "method": {"name": "attention", "encoder": "unii"}}
    (finding,) = encoder_findings(parse_config(content), tmp_path)
    assert "(closest: uni" in finding.message
    assert not finding.message.startswith("method.encoder")


def test_a_name_that_is_not_registered_is_a_folder_that_is_not_there(tmp_path):
    content = {"traits": ["MKI67"], "method": {"name": "attention", "encoder": "unis"}}
    (finding,) = encoder_findings(parse_config(content), tmp_path)
    assert "no folder" in finding.message
    assert "cartopath embed --list" in finding.message


def test_attention_needs_an_encoder():
    with pytest.raises(ConfigError, match="attention needs an encoder"):
        parse_config({"traits": ["MKI67"], "method": {"name": "attention", "encoder": "none"}})


def test_weights_that_cannot_be_fetched_are_asked_for_in_the_words_of_a_study(tmp_path, monkeypatch):
    def refuse(*_: Any, **__: Any) -> None:
        raise BundleError("uni: gated; give the file that you have with `--weights FILE`")

    monkeypatch.setattr(registered, "load_encoder", refuse)
    with pytest.raises(BundleError, match=r"in a study, that file is method\.weights"):
        registered.write_registered(tmp_path, NAME, mpp=0.5, key="k")


class TestWeightsOfAFile:
    """What was downloaded by hand is named in the study file."""

    @pytest.fixture
    def small(self, monkeypatch, tmp_path) -> Path:
        """A small encoder that is on no hub, and the file with its weights."""
        options = {"img_size": 32, "embed_dim": 24, "depth": 1, "num_heads": 2}
        card = replace(UNI, name="small", repository="", files=(), size_px=32, n_features=24, options=options)
        for module in (registered, registry):
            monkeypatch.setattr(module, "ENCODERS", {**ENCODERS, "small": card})
        weights = {name.removeprefix("trunk."): value for name, value in build_encoder(card).state_dict().items()}
        save_file(weights, tmp_path / "small.safetensors")
        return tmp_path / "small.safetensors"

    def study(self, **method: Any):
        content = {"traits": ["MKI67"], "method": {"name": "attention", "encoder": "small", **method}}
        return parse_config(content | {"tiles": {"size_px": 32}})

    def features(self, folder: Path, monkeypatch) -> np.ndarray:
        tiles = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
        monkeypatch.setattr("cartopath.methods.encoding.tile_features.tile_batches", lambda source, size: [tiles])

        class Source:
            size_px, slide_id = 32, "s"

        return tile_features(folder, Source(), batch_size=4, device="cpu", precision="auto", threads=1)[0]  # type: ignore[arg-type]

    def test_a_check_finds_a_file_that_is_not_there(self, small, tmp_path):
        assert not list(encoder_findings(self.study(weights=small.name), tmp_path))
        (finding,) = encoder_findings(self.study(weights="lost.pth"), tmp_path)
        assert finding.subject == "method.weights"
        assert f"no file {tmp_path / 'lost.pth'}" in finding.message

    def test_a_check_asks_for_the_file_of_an_encoder_that_is_on_no_hub(self, small, tmp_path):
        (finding,) = encoder_findings(self.study(), tmp_path)
        assert "are on no hub" in finding.message
        assert finding.subject == "method.weights"

    def test_an_encoder_that_the_study_makes_takes_none(self, small, tmp_path):
        (finding,) = encoder_findings(self.study(encoder="own", weights=small.name), tmp_path)
        assert "'own' takes no file of weights" in finding.message

    def test_tiles_go_through_its_weights(self, small, tmp_path, monkeypatch):
        folder = tmp_path / "encoder_0"
        refer_to_encoder(name="small", mpp=0.5, folder=folder, key="k", weights=small)
        assert self.features(folder, monkeypatch).shape == (4, 24)
        assert [path.name for path in folder.iterdir()] == ["registered.json"]
        save_file({name: torch.randn_like(value) for name, value in load_file(small).items()}, small)
        with pytest.raises(BundleError, match=r"the weights of small .*small\.safetensors are .*, the study learned from"):
            registered.load_registered(folder)

    def test_a_model_of_timm_takes_a_file_as_well(self, tmp_path, monkeypatch):
        path = tmp_path / "resnet.safetensors"
        timm_ready()
        import timm

        save_file(timm.create_model("test_resnet").state_dict(), path)
        config = self.study(encoder="timm/test_resnet", weights=path.name)
        assert not list(encoder_findings(config, tmp_path))
        folder = tmp_path / "encoder_0"
        refer_to_encoder(name="timm/test_resnet", mpp=0.5, folder=folder, key="k", weights=path, size_px=32)
        assert self.features(folder, monkeypatch).shape[1] == registered.read_registered(folder).n_features

    def test_a_file_that_was_moved_is_found_beside_the_card(self, small, tmp_path):
        folder = tmp_path / "encoder_0"
        refer_to_encoder(name="small", mpp=0.5, folder=folder, key="k", weights=small)
        moved = Path(shutil.move(small, tmp_path / "elsewhere"))
        with pytest.raises(BundleError, match="put the file back, or copy it into"):
            registered.load_registered(folder)
        shutil.copy(moved, folder / "small.safetensors")
        assert registered.load_registered(folder).card.name == "small"
