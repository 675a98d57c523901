"""A trained network with everything needed to use it on a new slide: `weights.safetensors` and `model.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cartopath.core.errors import ArtifactError, BundleError, ConfigError
from cartopath.models.spec import NetworkSpec
from cartopath.store.artifacts import Header, read_json, write_json
from cartopath.store.hashing import file_sha256
from cartopath.store.weights import read_arrays, write_arrays

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cartopath.models.classifier import TileClassifier

KIND = "model"
VERSION = 1
WEIGHTS_NAME = "weights.safetensors"
CARD_NAME = "model.json"


@dataclass(frozen=True, eq=False, kw_only=True)
class Bundle:
    """A network ready to predict.

    Attributes:
        network: With its weights, in evaluation mode, on the CPU.
        spec: What it is.
        card: Whatever its maker recorded: tile size in um, stain range, cohort, trait, metrics, versions.
        weights_sha256: Of the weights file: the name of exactly this network.
    """

    network: TileClassifier
    spec: NetworkSpec
    card: dict[str, Any]
    weights_sha256: str


def write_bundle(
    folder: Path | str, *, network: NetworkSpec, weights: Mapping[str, NDArray[Any]], card: Mapping[str, Any], key: str = ""
) -> None:
    """Write a bundle; until the last file is complete the folder is no bundle.

    Args:
        folder: Made if need be; a bundle in it is replaced.
        network: What the weights are for.
        weights: By name, as `TrainingOutcome.weights`.
        card: JSON values that travel with the network.
        key: Of the task that made it.
    """
    folder = Path(folder)
    (folder / CARD_NAME).unlink(missing_ok=True)
    write_arrays(weights, folder / WEIGHTS_NAME)
    content = {"card": dict(card), "network": network.to_dict(), "weights_sha256": file_sha256(folder / WEIGHTS_NAME)}
    write_json(content, folder / CARD_NAME, Header(kind=KIND, version=VERSION, key=key))


def read_card(folder: Path | str) -> tuple[NetworkSpec, dict[str, Any], str]:
    """Return a bundle's network spec, card and sha256 of its weights, without reading the weights or importing torch.

    Raises:
        BundleError: The folder is no bundle, or its `model.json` is damaged or newer than this program.
    """
    path = Path(folder) / CARD_NAME
    if not path.is_file():
        what = "is not a folder" if not Path(folder).is_dir() else f"holds no {CARD_NAME}"
        raise BundleError(f"{folder}: no model bundle: it {what}; give the folder that training wrote")
    try:
        content = read_json(path, KIND, version=VERSION)
        card, sha256 = content["card"], content["weights_sha256"]
        spec = NetworkSpec.from_dict(content["network"])
    except (ArtifactError, ConfigError) as error:
        raise BundleError(f"{path}: unusable ({error})") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise BundleError(f"{path}: damaged: missing or misshapen {error}; write the bundle again") from error
    if not isinstance(card, dict) or not isinstance(sha256, str):
        raise BundleError(f"{path}: damaged: 'card' must be an object and 'weights_sha256' a string; write the bundle again")
    return spec, card, sha256


def read_bundle(folder: Path | str) -> Bundle:
    """Read a bundle, checking that its weights are those its card was written with and that they fit the network.

    Nothing is downloaded, whatever the spec says of published weights.

    Raises:
        BundleError: The folder is no bundle, or a file is missing, damaged, of another bundle or newer than this program.
    """
    from cartopath.models.classifier import build_network, load_weights

    spec, card, sha256 = read_card(folder)
    path = Path(folder) / WEIGHTS_NAME
    if not path.is_file():
        raise BundleError(f"{path}: missing, though {CARD_NAME} is there; copy the whole folder")
    found = file_sha256(path)
    if found != sha256:
        raise BundleError(
            f"{path}: its sha256 is {found[:12]}..., {CARD_NAME} names {sha256[:12]}...: damaged, or of another bundle; "
            f"copy the folder again"
        )
    try:
        network = build_network(replace(spec, pretrained=False))
        load_weights(network, read_arrays(path), source=str(path))
    except (ArtifactError, ConfigError) as error:
        raise BundleError(f"{folder}: cannot be used here: {error}") from error
    return Bundle(network=network.eval(), spec=spec, card=card, weights_sha256=sha256)
