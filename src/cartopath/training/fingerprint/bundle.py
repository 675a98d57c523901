"""A trained fingerprint network with everything needed to use it on a new slide: `weights.safetensors` and `fingerprint.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cartopath.models.fingerprint.spec import FingerprintSpec
from cartopath.training.bundle_folder import WEIGHTS_NAME as WEIGHTS_NAME
from cartopath.training.bundle_folder import BundleFolder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cartopath.models.fingerprint.network import FingerprintNetwork

CARD_NAME = "fingerprint.json"
_FOLDER = BundleFolder(what="fingerprint network", card_name=CARD_NAME, kind="fingerprint_network")


@dataclass(frozen=True, eq=False, kw_only=True)
class FingerprintCard:
    """What is known of a trained network without reading its weights.

    Attributes:
        spec: What it is.
        pieces: Names of the pieces in the order of the classifier's outputs.
        patients: The patient of each.
        card: Whatever its maker recorded: recipe, curve, cohort, versions.
        weights_sha256: Of the weights file: the name of exactly this network.
    """

    spec: FingerprintSpec
    pieces: tuple[str, ...]
    patients: tuple[str, ...]
    card: dict[str, Any]
    weights_sha256: str


@dataclass(frozen=True, eq=False, kw_only=True)
class FingerprintBundle:
    """A network ready to use.

    Attributes:
        network: With its weights, in evaluation mode, on the CPU.
        card: What is known of it.
    """

    network: FingerprintNetwork
    card: FingerprintCard


def write_fingerprint(
    folder: Path | str,
    *,
    spec: FingerprintSpec,
    weights: Mapping[str, NDArray[Any]],
    pieces: Sequence[str],
    patients: Sequence[str],
    card: Mapping[str, Any],
    key: str = "",
) -> None:
    """Write a bundle; until the last file is complete the folder is no bundle.

    Args:
        folder: Made if need be; a bundle in it is replaced.
        spec: What the weights are for.
        weights: By name, as `FingerprintOutcome.weights`.
        pieces: As `FingerprintOutcome.pieces`.
        patients: As `FingerprintOutcome.patients`.
        card: JSON values that travel with the network.
        key: Of the task that made it.
    """
    content = {"card": dict(card), "network": spec.to_dict(), "pieces": list(pieces), "patients": list(patients)}
    _FOLDER.write(folder, weights, content, key=key)


def read_fingerprint_card(folder: Path | str) -> FingerprintCard:
    """Read what is known of a bundle, without its weights and without torch.

    Raises:
        BundleError: The folder is no bundle, or its card is damaged or newer than this program.
    """
    return _FOLDER.read_card(folder, _card_of)


def _card_of(content: dict[str, Any]) -> FingerprintCard:
    return FingerprintCard(
        spec=FingerprintSpec.from_dict(content["network"]),
        pieces=tuple(content["pieces"]),
        patients=tuple(content["patients"]),
        card=content["card"],
        weights_sha256=content["weights_sha256"],
    )


def read_fingerprint(folder: Path | str) -> FingerprintBundle:
    """Read a bundle, checking that its weights are those its card was written with. Nothing is downloaded.

    Raises:
        BundleError: The folder is no bundle, or a file is missing, damaged, of another bundle or newer than this program.
    """
    from cartopath.models.fingerprint import build_fingerprint_network

    card = read_fingerprint_card(folder)
    spec, n_pieces = replace(card.spec, pretrained=False), len(card.pieces)
    network = _FOLDER.read_network(folder, card.weights_sha256, lambda: build_fingerprint_network(spec, n_pieces=n_pieces))
    return FingerprintBundle(network=network, card=card)
