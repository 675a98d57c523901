"""A trained head on disk, with the name of the encoder whose features it reads: `weights.safetensors` and `head.json`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cartopath.core.errors import BundleError
from cartopath.models.fingerprint.spec import FingerprintSpec
from cartopath.training.bundle_folder import WEIGHTS_NAME as WEIGHTS_NAME
from cartopath.training.bundle_folder import BundleFolder, usable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cartopath.models.fingerprint.receptor_head import ReceptorHead
    from cartopath.training.fingerprint.bundle import FingerprintBundle

CARD_NAME = "head.json"
_FOLDER = BundleFolder(what="receptor head", card_name=CARD_NAME, kind="receptor_head")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadEncoder:
    """Which encoder a head reads.

    Attributes:
        name: For people: `own`, `random`, `timm/resnet50`, a folder's name.
        sha256: Of its weights: the name of exactly this encoder.
        network: What it is: backbone, tile size, micrometres per pixel.
        folder: Where its bundle lies, relative to the head's folder; empty where it is given by `name` alone.
    """

    name: str
    sha256: str
    network: FingerprintSpec
    folder: str = ""


@dataclass(frozen=True, eq=False, kw_only=True)
class HeadCard:
    """What is known of a trained head without reading its weights.

    Attributes:
        folder: Of the bundle.
        n_features: Length of the features it takes.
        encoder: Which encoder gives them.
        card: Whatever its maker recorded: recipe, curve, trait, patients, versions.
        weights_sha256: Of the weights file: the name of exactly this head.
    """

    folder: Path
    n_features: int
    encoder: HeadEncoder
    card: dict[str, Any]
    weights_sha256: str

    @property
    def encoder_dir(self) -> Path | None:
        """Where the encoder's bundle lies; None where it is given by its name alone."""
        return Path(os.path.normpath(self.folder / self.encoder.folder)) if self.encoder.folder else None


@dataclass(frozen=True, eq=False, kw_only=True)
class HeadBundle:
    """A head ready to use.

    Attributes:
        head: With its weights, in evaluation mode.
        card: What is known of it.
    """

    head: ReceptorHead
    card: HeadCard


def write_head_bundle(
    folder: Path | str,
    *,
    weights: Mapping[str, NDArray[Any]],
    encoder: HeadEncoder,
    card: Mapping[str, Any],
    key: str = "",
) -> None:
    """Write a bundle; until the last file is complete the folder is no bundle.

    Args:
        folder: Made if need be; a bundle in it is replaced.
        weights: By name, as `HeadOutcome.weights`.
        encoder: Whose features it reads.
        card: JSON values that travel with the head.
        key: Of the task that made it.
    """
    described = {"name": encoder.name, "sha256": encoder.sha256, "folder": encoder.folder, "network": encoder.network.to_dict()}
    n_features = int(weights["layers.0.weight"].shape[1])
    _FOLDER.write(folder, weights, {"card": dict(card), "encoder": described, "n_features": n_features}, key=key)


def read_head_card(folder: Path | str) -> HeadCard:
    """Read what is known of a bundle, without its weights and without torch.

    Raises:
        BundleError: The folder is no bundle, or its card is damaged or newer than this program.
    """

    def card_of(content: dict[str, Any]) -> HeadCard:
        encoder = content["encoder"]
        return HeadCard(
            folder=Path(folder),
            n_features=int(content["n_features"]),
            encoder=HeadEncoder(**{**encoder, "network": FingerprintSpec.from_dict(encoder["network"])}),
            card=content["card"],
            weights_sha256=content["weights_sha256"],
        )

    return _FOLDER.read_card(folder, card_of)


def read_head_bundle(folder: Path | str) -> HeadBundle:
    """Read a bundle, checking that its weights are those its card was written with.

    Raises:
        BundleError: The folder is no bundle, or a file is missing, damaged, of another bundle or newer than this program.
    """
    from cartopath.training.heads.scores import head_of

    card = read_head_card(folder)
    weights = _FOLDER.read_weights(folder, card.weights_sha256)
    with usable(folder):
        return HeadBundle(head=head_of(weights, source=str(Path(folder) / WEIGHTS_NAME)), card=card)


def read_head_encoder(card: HeadCard) -> FingerprintBundle:
    """Read the encoder of a head from where its card says that it lies.

    Raises:
        BundleError: The card names no folder, or what lies there is no bundle or another network than the head learned from.
    """
    from cartopath.training.fingerprint.bundle import read_fingerprint, read_fingerprint_card

    where = card.encoder_dir
    if where is None:
        raise BundleError(f"{card.folder}: its encoder {card.encoder.name!r} comes with no folder; make it by its name")
    found = read_fingerprint_card(where).weights_sha256
    if found != card.encoder.sha256:
        raise BundleError(
            f"{where}: holds the encoder {found[:12]}, the head in {card.folder} learned from {card.encoder.sha256[:12]}; "
            f"copy the encoder that belongs to the head"
        )
    return read_fingerprint(where)
