"""A trained network with everything needed to use it on a new slide: `weights.safetensors` and `model.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cartopath.models.spec import NetworkSpec
from cartopath.training.bundle_folder import WEIGHTS_NAME as WEIGHTS_NAME
from cartopath.training.bundle_folder import BundleFolder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cartopath.models.classifier import TileClassifier

CARD_NAME = "model.json"
_FOLDER = BundleFolder(what="model bundle", card_name=CARD_NAME, kind="model")


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
    _FOLDER.write(folder, weights, {"card": dict(card), "network": network.to_dict()}, key=key)


def read_card(folder: Path | str) -> tuple[NetworkSpec, dict[str, Any], str]:
    """Return a bundle's network spec, card and sha256 of its weights, without reading the weights or importing torch.

    Raises:
        BundleError: The folder is no bundle, or its `model.json` is damaged or newer than this program.
    """
    return _FOLDER.read_card(
        folder, lambda content: (NetworkSpec.from_dict(content["network"]), content["card"], content["weights_sha256"])
    )


def read_bundle(folder: Path | str) -> Bundle:
    """Read a bundle, checking that its weights are those its card was written with and that they fit the network.

    Nothing is downloaded, whatever the spec says of published weights.

    Raises:
        BundleError: The folder is no bundle, or a file is missing, damaged, of another bundle or newer than this program.
    """
    from cartopath.models.classifier import build_network

    spec, card, sha256 = read_card(folder)
    network = _FOLDER.read_network(folder, sha256, lambda: build_network(replace(spec, pretrained=False)))
    return Bundle(network=network, spec=spec, card=card, weights_sha256=sha256)
