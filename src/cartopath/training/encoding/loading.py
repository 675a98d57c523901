"""Loading an encoder by its name, its folder or the file of its weights."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cartopath.core.errors import BundleError, ConfigError
from cartopath.models.encoders import EncoderCard, find_encoder
from cartopath.store.hashing import file_sha256
from cartopath.training.encoding.hub import fetch_weights
from cartopath.training.encoding.loaded import EncodingCard, LoadedEncoder
from cartopath.training.fingerprint.bundle import CARD_NAME, read_fingerprint

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cartopath.models.encoders import EncoderNetwork

RANDOM, TIMM = "random/", "timm/"
DEFAULT_SIZE_PX, DEFAULT_MPP = 224, 0.5
"""Tiles of models that come without any of their own."""


def load_encoder(
    name_or_folder: str | Path,
    *,
    weights: Path | str | None = None,
    offline: bool = False,
    size_px: int | None = None,
    mpp: float | None = None,
    seed: int = 0,
) -> LoadedEncoder:
    """Return an encoder with its weights.

    Args:
        name_or_folder: A name of `cartopath.models.encoders.ENCODERS`; `timm/NAME` for a model of timm with timm's weights;
            `random/NAME` for one with random weights, the control of anything learned; or the folder of a fingerprint network.
        weights: A file to take the weights from, instead of the hub and its cache.
        offline: Take nothing from the network: the hub's cache or `weights` must hold them.
        size_px: Side of the tiles of models of timm, 224 pixels unless given; other encoders know their own, and take no others.
        mpp: Micrometres per pixel of the tiles, over what the encoder was made for.
        seed: Of random weights.

    Raises:
        BundleError: The folder is no encoder, or the weights are missing, damaged or of another network; the message says what to
            do.
        ConfigError: There is no encoder of that name, timm cannot build it, it takes tiles of another size, or it takes no
            file of weights.
    """
    name = str(name_or_folder)
    if name in (RANDOM, TIMM):
        raise ConfigError(f"expected a name after {name}, that of a model of timm such as {name}resnet50; got {name!r}")
    is_fingerprint = (Path(name) / CARD_NAME).is_file()
    if weights is not None and (is_fingerprint or name.startswith(RANDOM)):
        own = "the folder holds its weights" if is_fingerprint else "its weights are random"
        raise ConfigError(f"{name}: takes no file of weights, {own}; leave out --weights {weights}, or name another encoder")
    if is_fingerprint:
        loaded = _fingerprint(name)
    elif name.startswith((RANDOM, TIMM)):
        size = size_px or DEFAULT_SIZE_PX
        loaded = _random(name, size, seed) if name.startswith(RANDOM) else _timm(name, size, weights, offline)
    else:
        loaded = _published(_registered(name), weights, offline)
    if size_px is not None and size_px != loaded.card.size_px:
        raise ConfigError(f"{name} takes tiles of {loaded.card.size_px} pixels. Got 'size_px' {size_px} instead.")
    if mpp is not None:
        loaded = replace(loaded, card=replace(loaded.card, mpp=mpp))
    return loaded


def _registered(name: str) -> EncoderCard:
    if Path(name).is_dir():
        raise BundleError(f"{name}: no encoder: the folder holds no {CARD_NAME}; give the folder that training wrote")
    return find_encoder(name)


def _fingerprint(folder: str) -> LoadedEncoder:
    bundle = read_fingerprint(folder)
    spec, about = bundle.card.spec, bundle.card.card
    patients = frozenset(filter(None, bundle.card.patients)) if about.get("has_patients", True) else frozenset()
    card = EncodingCard(
        name=folder,
        sha256=bundle.card.weights_sha256,
        n_features=spec.n_features,
        size_px=spec.size_px,
        mpp=spec.mpp,
        licence="",
        input=(spec.colour, spec.input_range),
        learned_from=patients,
    )
    return LoadedEncoder(card=card, network=bundle.network, function=bundle.network.fingerprint)


def _random(name: str, size_px: int, seed: int) -> LoadedEncoder:
    from cartopath.models import weights_of
    from cartopath.models.encoders import build_timm, timm_card

    card = replace(timm_card(name.removeprefix(RANDOM), size_px=size_px), mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), name=name)
    network = build_timm(card, seed=seed)
    return _loaded(replace(card, licence=""), network, weights_sha256(weights_of(network)))


def _timm(name: str, size_px: int, weights: Path | str | None, offline: bool) -> LoadedEncoder:
    from cartopath.models.encoders import timm_card

    return _published(timm_card(name.removeprefix(TIMM), size_px=size_px), weights, offline)


def _published(card: EncoderCard, weights: Path | str | None, offline: bool) -> LoadedEncoder:
    path = fetch_weights(card, offline=offline) if weights is None else Path(weights)
    from cartopath.models.encoders import build_encoder, build_timm, load_published
    from cartopath.training.bundle_folder import usable
    from cartopath.training.encoding.weight_files import read_weight_file

    found = read_weight_file(path)
    with usable(card.name):
        if card.layout == "timm":
            network = build_timm(card, found, source=str(path))
        else:
            network = build_encoder(card, initialise=False)
            load_published(network, found, card, source=str(path))
    return _loaded(card, network.eval(), file_sha256(path))


def _loaded(card: EncoderCard, network: EncoderNetwork, sha256: str) -> LoadedEncoder:
    about = EncodingCard(
        name=card.name,
        sha256=sha256,
        n_features=network.n_features,
        size_px=card.size_px,
        mpp=card.mpp,
        licence=card.licence,
        input=(list(card.mean), list(card.std), card.output),
        warnings=card.unverified,
    )
    return LoadedEncoder(card=about, network=network, function=network.__call__)


def weights_sha256(weights: Mapping[str, NDArray[Any]]) -> str:
    """Return the sha256 of named arrays: of their names, types, shapes and bytes, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        array = weights[name]
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
