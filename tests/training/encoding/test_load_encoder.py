"""Encoders are loaded by name, folder or file, and say what to do where their weights cannot be had."""

from __future__ import annotations

import logging
import socket
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from huggingface_hub import close_session, errors
from safetensors.torch import save_file

from cartopath.core.errors import BundleError, ConfigError, TrainingError
from cartopath.models import weights_of
from cartopath.models.encoders import build_encoder, registry
from cartopath.models.encoders.pathology import UNI
from cartopath.models.fingerprint import FingerprintSpec, build_fingerprint_network
from cartopath.store.hashing import file_sha256
from cartopath.training.encoding import load_encoder
from cartopath.training.encoding.hub import hub_answers
from cartopath.training.fingerprint import fingerprint_tiles, read_fingerprint, write_fingerprint
from cartopath.training.fingerprint.bundle import CARD_NAME

SMALL = replace(
    UNI,
    name="small",
    repository="lab/small",
    size_px=32,
    n_features=24,
    options={"img_size": 32, "embed_dim": 24, "depth": 1, "num_heads": 2},
)


@pytest.fixture
def tiles():
    return np.random.default_rng(0).integers(0, 256, (7, 32, 32, 3), dtype=np.uint8)


@pytest.fixture
def small(monkeypatch):
    """A small encoder in the registry, and its weights by their published names."""
    monkeypatch.setattr(registry, "ENCODERS", {**registry.ENCODERS, "small": SMALL})
    network = build_encoder(SMALL).eval()
    return network, {name.removeprefix("trunk."): value for name, value in network.state_dict().items()}


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A hub that holds what is put into `hub.files`, or raises `hub.error`; `hub.asked` says what was asked of it."""

    class Hub:
        def __init__(self):
            self.files, self.error, self.asked, self.answers = {}, None, [], True

        def download(self, repository, name, *, local_files_only):
            self.asked.append((repository, name, local_files_only))
            if self.error is not None:
                raise self.error
            if name not in self.files:
                raise errors.LocalEntryNotFoundError("not cached") if local_files_only else errors.EntryNotFoundError("404")
            return str(self.files[name])

    made = Hub()
    monkeypatch.setattr("cartopath.training.encoding.hub.hub_answers", lambda: made.answers)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", made.download)
    return made


def refusal(kind):
    """Return an error of the hub without the answer that it is about, which differs between versions."""
    error = kind.__new__(kind, "refused")
    error.args = ("refused",)
    return error


def test_weights_come_from_the_hub(small, hub, tiles, tmp_path):
    network, weights = small
    save_file(weights, tmp_path / "model.safetensors")
    hub.files["model.safetensors"] = tmp_path / "model.safetensors"
    encoder = load_encoder("small")
    with torch.no_grad():
        expected = network(torch.from_numpy(tiles).permute(0, 3, 1, 2)).numpy()
    np.testing.assert_allclose(encoder.encode([tiles], device="cpu"), expected, rtol=1e-4, atol=1e-5)
    card = encoder.card
    assert (card.name, card.n_features, card.size_px, card.mpp, card.licence) == ("small", 24, 32, 0.5, "CC-BY-NC-ND-4.0")
    assert card.sha256 == file_sha256(tmp_path / "model.safetensors")
    assert hub.asked == [("lab/small", "model.safetensors", False)]


def test_another_name_of_the_file_is_tried(small, hub, tmp_path):
    torch.save({"model": small[1]}, tmp_path / "pytorch_model.bin")  # noqa: TID251
    hub.files["pytorch_model.bin"] = tmp_path / "pytorch_model.bin"
    load_encoder("small")
    assert [name for _, name, _ in hub.asked] == ["model.safetensors", "pytorch_model.bin"]


def test_a_given_file_asks_no_hub(small, hub, tmp_path, tiles):
    save_file(small[1], tmp_path / "mine.safetensors")
    torch.save({f"module.{name}": value for name, value in small[1].items()}, tmp_path / "mine.pth")  # noqa: TID251
    first, second = (load_encoder("small", weights=tmp_path / name) for name in ("mine.safetensors", "mine.pth"))
    np.testing.assert_array_equal(first.encode([tiles], device="cpu"), second.encode([tiles], device="cpu"))
    assert hub.asked == []


def test_offline_looks_in_the_cache_alone(small, hub, monkeypatch):
    monkeypatch.setenv("HF_HOME", "/cache")
    with pytest.raises(
        BundleError, match=r"not in the cache /cache, and nothing is fetched offline.*`hf download lab/small`.*--weights"
    ):
        load_encoder("small", offline=True)
    assert all(local for *_, local in hub.asked)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (refusal(errors.GatedRepoError), r"Accept them at https://huggingface\.co/lab/small, then set HF_TOKEN"),
        (refusal(errors.RepositoryNotFoundError), r"shows no repository lab/small\. .* set HF_TOKEN\. Look at"),
        (errors.LocalEntryNotFoundError("no network"), "there is no way to the hub"),
        (errors.EntryNotFoundError("404"), r"lab/small holds none of model\.safetensors, pytorch_model\.bin"),
        (refusal(errors.HfHubHTTPError), r"cannot be fetched \(refused"),
        (OSError("disk full"), r"cannot be fetched \(disk full\); give the file"),
    ],
)
def test_weights_that_cannot_be_had_are_answered_with_what_to_do(small, hub, error, message):
    hub.error = error
    with pytest.raises(BundleError, match=message):
        load_encoder("small")


def test_a_hub_that_does_not_answer_is_asked_for_nothing(small, hub):
    hub.answers = False
    with pytest.raises(BundleError, match="there is no way to the hub"):
        load_encoder("small")
    assert [local for *_, local in hub.asked] == [True, True]


def test_a_connection_lost_on_the_way_is_not_tried_for_the_next_file(small, hub):
    hub.error = errors.LocalEntryNotFoundError("no network")
    with pytest.raises(BundleError, match="there is no way to the hub"):
        load_encoder("small")
    assert [local for *_, local in hub.asked] == [False, True]


@pytest.fixture
def words_of_the_hub(caplog):
    """What huggingface's loggers say."""
    logger = logging.getLogger("huggingface_hub")
    logger.addHandler(caplog.handler)
    yield caplog
    logger.removeHandler(caplog.handler)


def test_warnings_of_the_hub_are_kept_from_the_screen(small, hub, monkeypatch, words_of_the_hub):
    def download(*_names, **_options):
        logging.getLogger("huggingface_hub.file_download").warning("Retrying in 8s")
        raise errors.LocalEntryNotFoundError("no network")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    with pytest.raises(BundleError, match="there is no way to the hub"):
        load_encoder("small")
    assert words_of_the_hub.text == ""


def test_a_hub_without_an_address_is_tried_once_and_in_silence(monkeypatch, words_of_the_hub):
    tries = []

    def no_address(host, *_args, **_options):
        tries.append(host)
        raise socket.gaierror("name not resolved")

    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "https://hub.invalid")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr(socket, "getaddrinfo", no_address)
    close_session()
    try:
        assert not hub_answers()
    finally:
        close_session()
    assert len(tries) == 1
    assert words_of_the_hub.text == ""


def test_an_encoder_on_no_hub_asks_for_its_file(hub):
    with pytest.raises(
        BundleError, match=r"ctranspath: its weights are on no hub; .*github\.com/Xiyue-Wang/TransPath.*--weights FILE"
    ):
        load_encoder("ctranspath")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (Path("a"), r"not readable as weights alone \(it holds pathlib\.[\w.]+ as well\); give the file"),
        ({"epoch": 3}, "holds no weights by name"),
        ({"cls_token": torch.zeros(1, 1, 24)}, "small: cannot be used here: .* misses"),
    ],
)
def test_a_file_of_something_else_is_refused(small, tmp_path, content, message):
    torch.save(content, tmp_path / "weights.pth")  # noqa: TID251
    with pytest.raises(BundleError, match=message):
        load_encoder("small", weights=tmp_path / "weights.pth")


def test_a_damaged_file_is_refused(small, tmp_path):
    (tmp_path / "weights.safetensors").write_bytes(b"nothing")
    with pytest.raises(BundleError, match="damaged safetensors file"):
        load_encoder("small", weights=tmp_path / "weights.safetensors")
    with pytest.raises(BundleError, match="no such file of weights"):
        load_encoder("small", weights=tmp_path / "none.safetensors")


@pytest.mark.parametrize("name", ["README.md", "features.h5"])
def test_a_file_of_another_kind_is_named_as_such(small, tmp_path, name):
    (tmp_path / name).write_bytes(b"# Read me" if name == "README.md" else b"\x89HDF\r\n\x1a\n" + bytes(64))
    with pytest.raises(BundleError, match=r"is no file of weights \(neither safetensors nor torch\)"):
        load_encoder("small", weights=tmp_path / name)


def test_weights_of_a_file_are_refused_where_they_would_not_be_used(tmp_path):
    with pytest.raises(ConfigError, match=r"random/test_resnet: takes no file of weights, its weights are random"):
        load_encoder("random/test_resnet", weights=tmp_path / "mine.pth")
    (tmp_path / CARD_NAME).write_text("{}")
    with pytest.raises(ConfigError, match=r"takes no file of weights, the folder holds its weights"):
        load_encoder(tmp_path, weights=tmp_path / "mine.pth")


@pytest.mark.parametrize("prefix", ["random/", "timm/"])
def test_a_name_that_is_left_out_is_asked_for(prefix):
    with pytest.raises(ConfigError, match=f"expected a name after {prefix}"):
        load_encoder(prefix)


def test_a_model_of_timm_takes_its_weights_from_its_repository(hub, tmp_path, tiles):
    import timm

    whole = timm.create_model("test_resnet")
    save_file(whole.state_dict(), tmp_path / "model.safetensors")
    hub.files["model.safetensors"] = tmp_path / "model.safetensors"
    encoder = load_encoder("timm/test_resnet", size_px=32, mpp=1.0)
    assert hub.asked == [("timm/test_resnet.r160_in1k", "model.safetensors", False)]
    assert (encoder.card.n_features, encoder.card.size_px, encoder.card.mpp) == (whole.num_features, 32, 1.0)
    assert encoder.encode([tiles], device="cpu").shape == (7, whole.num_features)


def test_random_weights_are_named_by_what_they_are():
    first, again, other = (load_encoder("random/test_resnet", size_px=32, seed=seed) for seed in (0, 0, 1))
    assert first.card == again.card
    assert first.card.sha256 != other.card.sha256
    assert first.card.key != other.card.key


def test_a_fingerprint_network_encodes_as_it_fingerprints(tmp_path, tiles):
    spec = FingerprintSpec(backbone="test_resnet", size_px=32, n_features=16, mpp=1.0)
    weights = weights_of(build_fingerprint_network(spec, n_pieces=2, seed=1))
    write_fingerprint(tmp_path, spec=spec, weights=weights, pieces=["a", "b"], patients=["p", "q"], card={})
    encoder = load_encoder(tmp_path)
    bundle = read_fingerprint(tmp_path)
    np.testing.assert_array_equal(encoder.encode([tiles], device="cpu"), fingerprint_tiles(bundle.network, [tiles], device="cpu"))
    assert (encoder.card.sha256, encoder.card.mpp) == (bundle.card.weights_sha256, 1.0)
    assert encoder.card.learned_from == {"p", "q"}


def test_other_tiles_make_another_key(small, tmp_path):
    save_file(small[1], tmp_path / "mine.safetensors")
    first, second = (load_encoder("small", weights=tmp_path / "mine.safetensors", mpp=mpp) for mpp in (None, 1.0))
    assert (first.card.mpp, second.card.mpp) == (0.5, 1.0)
    assert first.card.key != second.card.key


def test_features_are_the_same_to_the_bit_on_every_call(tiles):
    encoder = load_encoder("random/test_vit", size_px=32)
    first, second = (encoder.encode([tiles[:4], tiles[4:]], device="cpu", threads=1) for _ in range(2))
    assert first.tobytes() == second.tobytes()
    assert first.dtype == np.float32


def test_mixed_precision_on_a_cpu_is_refused(tiles):
    with pytest.raises(TrainingError, match="needs a CUDA GPU"):
        load_encoder("random/test_resnet", size_px=32).encode([tiles], device="cpu", precision="16-mixed")


def test_tiles_of_another_size_are_refused(small, tmp_path):
    save_file(small[1], tmp_path / "mine.safetensors")
    with pytest.raises(ConfigError, match=r"small takes tiles of 32 pixels\. Got 'size_px' 64"):
        load_encoder("small", weights=tmp_path / "mine.safetensors", size_px=64)


def test_a_folder_that_is_no_encoder_is_refused(tmp_path: Path):
    with pytest.raises(BundleError, match=r"the folder holds no fingerprint\.json"):
        load_encoder(tmp_path)
