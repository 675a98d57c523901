"""What turns tiles into vectors: a trained fingerprint network, or any timm model beside which it can be held."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cartopath.core.errors import BundleError, TrainingError
from cartopath.methods.encoding.published import full_spec, published_network
from cartopath.methods.fingerprints_without_study.found_instead import found_instead
from cartopath.models.fingerprint import FingerprintNetwork, FingerprintSpec, build_fingerprint_network
from cartopath.store.hashing import value_key
from cartopath.training.fingerprint import fingerprint_tiles, read_fingerprint
from cartopath.training.fingerprint.bundle import CARD_NAME
from cartopath.training.fingerprint.halves import Encode

RANDOM, PUBLISHED = "random/", "timm/"


@dataclass(frozen=True, eq=False, kw_only=True)
class Encoder:
    """An encoder and the tiles that it takes.

    Attributes:
        name: As it was asked for.
        key: Of its weights.
        spec: Size and resolution of the tiles.
        encode: Features of batches of tiles.
        learned_from: Patients whose tissue it was trained on, where they are known.
    """

    name: str
    key: str
    spec: FingerprintSpec
    encode: Encode
    learned_from: frozenset[str] = frozenset()


def open_encoder(
    name: str, *, size_px: int = 224, mpp: float = 0.5, device: str = "auto", threads: int | None = None, seed: int = 0
) -> Encoder:
    """Return an encoder.

    Args:
        name: Folder of a trained fingerprint network; `timm/NAME` with timm's published weights, which timm fetches once; or
            `random/NAME` with random weights, the baseline of anything learned.
        size_px: Side of the tiles of timm models; a trained network knows its own.
        mpp: Their micrometres per pixel.
        device: `auto`, `cpu`, `cuda`, ...
        threads: Of torch on the CPU.
        seed: Of random weights.

    Raises:
        BundleError: The folder is none, or the weights cannot be had.
        ConfigError: timm has no such model.
    """
    learned_from: frozenset[str] = frozenset()
    if name.startswith((RANDOM, PUBLISHED)):
        network, spec = _timm_model(name, size_px, mpp, seed)
        key = value_key([name, spec.to_dict(), seed if name.startswith(RANDOM) else 0])
    else:
        if not (Path(name) / CARD_NAME).is_file():
            raise BundleError(
                f"{name}: no fingerprint network: {found_instead(Path(name))}; give the folder that "
                f"`cartopath fingerprint train` wrote, {PUBLISHED}NAME or {RANDOM}NAME"
            )
        bundle = read_fingerprint(name)
        network, spec, key = bundle.network, bundle.card.spec, bundle.card.weights_sha256
        if bundle.card.card.get("has_patients", True):
            learned_from = frozenset(filter(None, bundle.card.patients))

    def encode(batches: Iterable[NDArray[np.uint8]]) -> NDArray[np.floating]:
        return fingerprint_tiles(network, batches, device=_checked_device(device), threads=threads)

    return Encoder(name=name, key=key, spec=spec, encode=encode, learned_from=learned_from)


def _timm_model(name: str, size_px: int, mpp: float, seed: int) -> tuple[FingerprintNetwork, FingerprintSpec]:
    """A timm model, all of whose features are compared, with nothing behind them."""
    is_random, backbone = name.startswith(RANDOM), name.partition("/")[2]
    spec = FingerprintSpec(backbone=backbone, size_px=size_px, mpp=mpp)
    if is_random:
        spec = replace(full_spec(spec), pretrained=False, input_range="0..1")
        return build_fingerprint_network(spec, n_pieces=2, seed=seed).eval(), spec
    spec, network = published_network(replace(spec, pretrained=True, input_range="imagenet"))
    return network.eval(), spec


def _checked_device(device: str) -> str:
    """Return a device that is there.

    Raises:
        TrainingError: It is not.
    """
    if device.startswith("cuda"):
        import torch

        if not torch.cuda.is_available():
            raise TrainingError(f"torch {torch.__version__} sees no CUDA GPU; use --device cpu or auto")
    return device
