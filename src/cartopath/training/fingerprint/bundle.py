"""A trained fingerprint network with everything needed to use it on a new slide: `weights.safetensors` and `fingerprint.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cartopath.core.errors import ArtifactError, BundleError, ConfigError
from cartopath.models.fingerprint.spec import FingerprintSpec
from cartopath.store.artifacts import Header, read_json, write_json
from cartopath.store.hashing import file_sha256
from cartopath.store.weights import read_arrays, write_arrays

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cartopath.models.fingerprint.network import FingerprintNetwork

KIND = "fingerprint_network"
VERSION = 1
WEIGHTS_NAME = "weights.safetensors"
CARD_NAME = "fingerprint.json"


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
    folder = Path(folder)
    (folder / CARD_NAME).unlink(missing_ok=True)
    write_arrays(weights, folder / WEIGHTS_NAME)
    content = {"card": dict(card), "network": spec.to_dict(), "pieces": list(pieces), "patients": list(patients)}
    content["weights_sha256"] = file_sha256(folder / WEIGHTS_NAME)
    write_json(content, folder / CARD_NAME, Header(kind=KIND, version=VERSION, key=key))


def read_fingerprint_card(folder: Path | str) -> FingerprintCard:
    """Read what is known of a bundle, without its weights and without torch.

    Raises:
        BundleError: The folder is no bundle, or its card is damaged or newer than this program.
    """
    path = Path(folder) / CARD_NAME
    if not path.is_file():
        what = "is not a folder" if not Path(folder).is_dir() else f"holds no {CARD_NAME}"
        raise BundleError(f"{folder}: no fingerprint network: it {what}; give the folder that training wrote")
    try:
        content = read_json(path, KIND, version=VERSION)
        return FingerprintCard(
            spec=FingerprintSpec.from_dict(content["network"]),
            pieces=tuple(content["pieces"]),
            patients=tuple(content["patients"]),
            card=dict(content["card"]),
            weights_sha256=str(content["weights_sha256"]),
        )
    except (ArtifactError, ConfigError) as error:
        raise BundleError(f"{path}: unusable ({error})") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BundleError(f"{path}: damaged: missing or misshapen {error}; write the bundle again") from error


def read_fingerprint(folder: Path | str) -> FingerprintBundle:
    """Read a bundle, checking that its weights are those its card was written with. Nothing is downloaded.

    Raises:
        BundleError: The folder is no bundle, or a file is missing, damaged, of another bundle or newer than this program.
    """
    from cartopath.models import load_weights
    from cartopath.models.fingerprint import build_fingerprint_network

    card = read_fingerprint_card(folder)
    path = Path(folder) / WEIGHTS_NAME
    found = file_sha256(path) if path.is_file() else "no file"
    if found != card.weights_sha256:
        raise BundleError(
            f"{path}: its sha256 is {found[:12]}, {CARD_NAME} names {card.weights_sha256[:12]}: damaged, or of another bundle; "
            f"copy the whole folder again"
        )
    try:
        network = build_fingerprint_network(replace(card.spec, pretrained=False), n_pieces=len(card.pieces))
        load_weights(network, read_arrays(path), source=str(path))
    except (ArtifactError, ConfigError) as error:
        raise BundleError(f"{folder}: cannot be used here: {error}") from error
    return FingerprintBundle(network=network.eval(), card=card)
